"""Many rows by a key, in one query.

In: the names of columns and any number of their values. Out: which of them are
stored, and another column of their rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from piccolo.querystring import QueryString
from piccolo.table import Table

from atlas.param import as_json
from atlas.upsert.statements import array_type


async def find(
    engine: Any,
    table: type[Table],
    names: Sequence[str],
    keys: Sequence[Sequence[Any]],
    wanted: str,
) -> list[tuple[int, Any]]:
    """Return the place in ``keys`` of each row that has one of them, and its column ``wanted``.

    The values of a key, one for each of ``names``, are in their stored form.
    """
    if not keys:
        return []
    if engine.engine_type == "sqlite":
        matches = " AND ".join(
            f"t.\"{name}\" = json_extract(b.value, '$[{number}]')"
            for number, name in enumerate(names)
        )
        query = QueryString(
            f'SELECT b.key AS place, t."{wanted}" AS found FROM json_each({{}}) AS b'
            f' CROSS JOIN "{table._meta.tablename}" AS t ON {matches}',
            as_json(map(list, keys)),
        )
    else:
        columns = [table._meta.get_column_by_name(name) for name in names]
        arrays = ", ".join(f"{{}}::{array_type(column)}" for column in columns)
        given = ", ".join(f"c{number}" for number in range(len(names)))
        matches = " AND ".join(f't."{name}" = b.c{number}' for number, name in enumerate(names))
        query = QueryString(
            f'SELECT b.n - 1 AS place, t."{wanted}" AS found'
            f" FROM unnest({arrays}) WITH ORDINALITY AS b({given}, n)"
            f' JOIN "{table._meta.tablename}" AS t ON {matches}',
            *map(list, zip(*keys, strict=True)),
        )
    rows = await engine.run_querystring(query, in_pool=True)
    return [(row["place"], row["found"]) for row in rows]
