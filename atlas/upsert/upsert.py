"""One call of ``upsert``: from rows that anybody gives to what became of them.

In: an engine, a table and rows. Out: ``UpsertResult``, or ``UpsertError``. The
state is that of one call; nothing of it outlives the call.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Hashable
from dataclasses import replace
from inspect import isawaitable
from operator import attrgetter
from typing import Any

from piccolo.engine.exceptions import TransactionError

from atlas.engine.backoff import wait_s
from atlas.engine.block import current_block
from atlas.errors import ClientError, ConflictError, UpsertError
from atlas.nearest import did_you_mean
from atlas.table import Table
from atlas.upsert import batches
from atlas.upsert.given import as_dict, readable
from atlas.upsert.keys import SOURCE_PAIR, GivenKey, Key, checked_key, default_key, primary_key
from atlas.upsert.lookup import find
from atlas.upsert.options import BATCH_SIZE, DEFAULTS, Options
from atlas.upsert.plain import column_names
from atlas.upsert.plan import Change, DryRunError, Plan
from atlas.upsert.references import Given, References
from atlas.upsert.refusals import explained, is_unique_violation
from atlas.upsert.repeats import Repeats
from atlas.upsert.result import RowError, UpsertResult
from atlas.upsert.row_rules import broken
from atlas.upsert.rows import Rows, merged
from atlas.upsert.statements import Shape, shape_of
from atlas.upsert.tree import Tree
from atlas.upsert.writer import writer_of

#: How often a call is made when other transactions are in its way.
_ATTEMPTS = 5


async def upsert(
    engine: Any,
    table: type[Table],
    rows: batches.GivenRows | batches.Batches,
    key: GivenKey | None = None,
    options: Options = DEFAULTS,
) -> UpsertResult:
    """Write ``rows`` to ``table`` on ``engine``; see ``Client.upsert``."""
    outer = current_block(engine)
    if outer is not None and outer.only_reads:
        raise TransactionError("A snapshot only reads; an upsert cannot write in it.")
    if outer is not None and options.commit_every is not None:
        raise ClientError(
            "commit_every cannot commit inside a transaction of the caller, which alone decides "
            "what is committed. Leave it out, or call upsert outside the transaction."
        )
    source = rows if isinstance(rows, batches.Batches) else batches.Batches(rows)
    checked = None if key is None else checked_key(table, key)
    for attempt in range(1, _ATTEMPTS + 1):
        call = _Call(engine, table, checked, options)
        try:
            return await call.run(source)
        except DryRunError:
            return call.result
        except ConflictError:
            may_try_again = outer is None and not call.result.committed and attempt < _ATTEMPTS
            if not (may_try_again and source.restart()):
                raise
            await asyncio.sleep(wait_s(attempt))
    raise AssertionError  # the last attempt returned or raised


class _RefusedError(Exception):
    """Some of the postponed rows were refused; what was done for all of them is undone."""


class _Call:
    """What one call knows: how far it is, what came of the rows, what waits."""

    def __init__(self, engine: Any, table: type[Table], key: Key | None, options: Options) -> None:
        self.result = UpsertResult()
        if options.dry_run or options.plans:
            self.result.plan = Plan(table._meta.tablename)
        #: The same, as of the last commit.
        self._written = UpsertResult()
        #: How many rows have been taken from the caller.
        self.position = 0
        self._engine = engine
        self._table = table
        self._options = options
        self._key = key
        self._writer = writer_of(engine)
        self._repeats = Repeats(self.result)
        self._tree = Tree(engine)
        #: Rows that a unique key stands in the way of, as long as others may give theirs up.
        self._postponed: dict[Hashable, Rows] = {}
        self._last_shape: Shape | None = None
        self._references = References(engine, table, options.refs) if options.refs else None
        #: Rows that refer by natural key to rows that may come.
        self._unresolved: list[Given] = []
        self._broken = broken() if options.check_rules else None
        #: Of each good row its key, by position, when ids are asked for.
        self._keys: dict[int, Hashable] = {}

    async def run(self, source: batches.Batches) -> UpsertResult:
        """Take the rows and write them, a part after the other where they are committed in parts.

        They are taken inside the transaction, so that what a generator writes is
        kept or undone with them, from the first row on.
        """
        unit, outer = self._options.commit_every, current_block(self._engine)
        try:
            while True:
                async with self._engine.transaction():
                    taken = await self._take(source)
                    await self.finish()
                    if self._options.dry_run:
                        raise DryRunError
                if outer is None:
                    self.committed()
                if not unit or taken < unit:
                    return self.result
        except BaseException as error:
            if self.result.committed and not isinstance(error, UpsertError):
                error.add_note(
                    f"upsert of {self._table._meta.tablename}: the first {self.result.committed} "
                    "rows are committed. Run it again with all rows: it is safe to repeat."
                )
            raise

    async def _take(self, source: batches.Batches) -> int:
        """Take and write rows until there are none, or so many as are to be committed."""
        unit, size, taken = self._options.commit_every, self._options.batch_size, 0
        while batch := await source.take(min(size, unit - taken) if unit else size):
            taken += len(batch)
            await self.add(batch)
            if self._options.on_progress is not None:
                told = self._options.on_progress(self.position, source.total)
                if isawaitable(told):
                    await told
            if taken == unit:
                break
        return taken

    async def add(self, batch: list[Any]) -> None:
        """Check and write one batch."""
        start = self.position
        self.position += len(batch)
        if self._references is None:
            await self._write_groups(self._checked(batch, start))
        else:
            await self._add_resolved(self._references, self._dicts(batch, start))
        if self._options.raises and self.result.refused >= self._options.max_errors:
            raise self._error(ended_early=True)

    async def _add_resolved(self, references: References, given: list[Given]) -> None:
        """Write the rows whose references exist, and what has waited for them."""
        ready, waiting, errors = await references.resolve(given)
        self.result.errors += errors
        await self._write_groups(self._grouped(ready))
        self._unresolved += waiting
        while ready and self._unresolved:
            unresolved, self._unresolved = self._unresolved, []
            ready, self._unresolved, errors = await references.resolve(unresolved)
            self.result.errors += errors
            await self._write_groups(self._grouped(ready))

    async def _write_groups(self, groups: list[Rows]) -> None:
        if self._options.ids:
            for rows in groups:
                self._keys.update(zip(rows.positions, rows.keys, strict=True))
        for rows in self._without_repeats(groups):
            if not (self._options.raises and self.result.errors):  # nothing will be written
                await self._add(rows)

    async def finish(self) -> None:
        """End what is to be committed now: nothing may wait any more, nothing be refused."""
        if not (self._options.raises and self.result.errors):
            await self._write_postponed()
        for rows in self._tree.waiting():
            for name in rows.shape.parents:
                (parent,) = rows.column(name)
                reason = (
                    f"is the id of no row of {self._table._meta.tablename}, neither stored nor "
                    "among the rows that were written"
                )
                if parent is not None:
                    self._refuse(rows, 0, name, parent, reason)
        if self._references is not None:
            self.result.errors += self._references.missing(self._unresolved)
            self._unresolved = []
        self.result.errors.sort(key=attrgetter("position"))
        if self._options.raises and self.result.errors:
            raise self._error()
        self._tree.forget()
        self._repeats.forget()
        if self._options.ids:
            self.result.ids += await self._ids()

    async def _ids(self) -> list[Any]:
        """Return the ids of the rows since the last commit, in the order given."""
        if self._key is None:  # there was no good row
            return [None] * (self.position - len(self.result.ids))
        wanted = primary_key(self._table)
        keys = list(dict.fromkeys(self._keys.values()))
        as_tuples = keys if len(self._key) > 1 else [(key,) for key in keys]
        found: dict[Hashable, Any] = {}
        if self._key == wanted:
            found = {key: key for key in keys}
        else:
            for start in range(0, len(keys), BATCH_SIZE):
                part: list[Any] = as_tuples[start : start + BATCH_SIZE]
                stored = await find(self._engine, self._table, self._key, part, wanted[0])
                found.update((keys[start + place], identity) for place, identity in stored)
        refused = {error.position for error in self.result.errors}
        given = range(len(self.result.ids), self.position)
        ids = [None if at in refused else found.get(self._keys.get(at)) for at in given]
        self._keys.clear()
        return ids

    def committed(self) -> None:
        """Note that all rows so far are committed."""
        self.result.committed = self.position
        self._written = replace(self.result)

    def _error(self, ended_early: bool = False) -> UpsertError:
        refused = self.result.refused
        positions = sorted({error.position for error in self.result.errors})[
            : self._options.max_errors
        ]
        shows = self._options.show_values
        shown = [
            replace(error, shows_value=shows)
            for error in self.result.errors
            if error.position in positions
        ]
        # What was counted since the last commit is rolled back.
        self.result = replace(self._written, errors=sorted(shown, key=attrgetter("position")))
        seen = self.position if ended_early else None
        return UpsertError(self._table._meta.tablename, self.result, refused, seen)

    def _refuse(self, rows: Rows, place: int, column: str, value: Any, reason: str) -> None:
        self.result.errors.append(
            RowError(rows.positions[place], column, value, reason, rows.given[place])
        )

    # Checks.

    def _checked(self, batch: list[Any], start: int) -> list[Rows]:
        """Return the good rows of a batch, by what they carry; note the bad ones."""
        shape = self._last_shape
        plain = shape is not None and not shape.proposes_id and not self._options.fill
        if shape is not None and plain and set(map(type, batch)) == {dict}:
            values = shape.validator.rows(batch)
            if values is not None:  # nearly always
                return [self._sound(Rows(shape, [*range(start, self.position)], batch, values))]
        return self._grouped(self._dicts(batch, start))

    def _dicts(self, batch: list[Any], start: int) -> list[Given]:
        """Return the rows of a batch as dicts; note what cannot be one."""
        fill = self._options.fill or {}
        dicts: list[Given] = []
        for position, given in enumerate(batch, start):
            try:
                dicts.append((position, given, {**fill, **as_dict(given, self._table)}))
            except TypeError as error:
                self.result.errors.append(RowError(position, "", given, str(error), given))
        return dicts

    def _grouped(self, given: list[Given]) -> list[Rows]:
        """Return the good rows by what they carry; note the bad ones."""
        groups: dict[Shape, list[Given]] = {}
        for position, as_given, row in given:
            shape = self._shape(as_given, row, position)
            if shape is not None:
                groups.setdefault(shape, []).append((position, as_given, row))
        return [self._sound(self._validated(shape, group)) for shape, group in groups.items()]

    def _shape(self, given: Any, row: dict[str, Any], position: int) -> Shape | None:
        """Return the shape of one row; None for one that cannot be a row of the table."""
        names = frozenset(row)
        unknown = names - column_names(self._table)
        if not unknown and self._key is None:
            self._key = default_key(self._table, names)
        missing = [] if unknown or self._key is None else [n for n in self._key if n not in names]
        self.result.errors += [
            RowError(position, readable(name), row[name], self._why_unknown(name), given)
            for name in sorted(unknown, key=str)
        ]
        self.result.errors += [
            RowError(position, name, None, "is missing: rows are found by this column", given)
            for name in missing
        ]
        if unknown or missing or self._key is None:
            return None
        # A new object has an id because it was made, not because somebody knows the row.
        proposes_id = isinstance(given, Table) and not given._exists_in_db and "id" not in self._key
        self._last_shape = shape_of(
            self._table,
            names,
            self._key,
            self._engine.engine_type,
            proposes_id,
            self._options.update,
        )
        return self._last_shape

    def _why_unknown(self, name: object) -> str:
        reason = "is in no column of the table."
        if not isinstance(name, str):
            return reason
        if not name.strip():
            return f"{reason} The column's name is empty, as after a comma at the end of a heading."
        if name.startswith("\ufeff"):
            reason += " Its name begins with a byte order mark; read the file as utf-8-sig."
        return reason + did_you_mean(name, column_names(self._table))

    def _validated(self, shape: Shape, group: list[Given]) -> Rows:
        """Return the good rows in their stored form; note the bad ones."""
        positions, given, dicts = map(list, zip(*group, strict=True))
        values = shape.validator.rows(dicts)
        if values is not None:
            return Rows(shape, positions, given, values)
        rows = Rows(shape, [], [], [])
        for position, as_given, row in group:
            stored, errors = shape.validator.row(row)
            self.result.errors += [
                RowError(position, error.column, error.value, error.reason, as_given)
                for error in errors
            ]
            if not errors:
                rows.positions.append(position)
                rows.given.append(as_given)
                rows.values.append(stored)
        return rows

    def _sound(self, rows: Rows) -> Rows:
        """Refuse rows that are wrong as a whole; return the others."""
        return self._obedient(self._with_whole_sources(rows), is_new=False)

    def _obedient(self, rows: Rows, *, is_new: bool) -> Rows:
        """Refuse rows that break a rule, where that is asked for; return the others.

        Of rows that may be stored it is looked at what they carry.
        """
        if self._broken is None:
            return rows
        bad: list[int] = []
        for place, values in enumerate(rows.values):
            row = dict(zip(rows.shape.names, values, strict=True))
            found = self._broken(self._table, row, is_new)
            for column, reason in found:
                self._refuse(rows, place, column, row.get(column), reason)
            if found:
                bad.append(place)
        return rows.without(bad)

    def _with_whole_sources(self, rows: Rows) -> Rows:
        """Refuse rows with one of ``source_id`` and ``source_key`` (rule G4); return the others."""
        shape = rows.shape
        if shape.key == SOURCE_PAIR or not shape.source:
            return rows
        nothing = [None] * len(rows.values)
        source_ids, source_keys = (
            rows.column(name) if name in shape.names else nothing for name in SOURCE_PAIR
        )
        halves: list[int] = []
        for place, pair in enumerate(zip(source_ids, source_keys, strict=True)):
            if (pair[0] is None) != (pair[1] is None):
                halves.append(place)
                reason = "is refused: source_id and source_key are both given or neither"
                self._refuse(rows, place, SOURCE_PAIR[pair.index(None)], None, reason)
        return rows.without(halves)

    def _without_repeats(self, groups: list[Rows]) -> list[Rows]:
        """Return of the rows with one key one; count the others, or refuse the later ones.

        What the later rows do not carry the one has from the earlier, as if each had
        been written by itself; also from one that still waits to be written.
        """
        waits = bool(self._tree or self._postponed)
        if len(groups) == 1 and not waits and self._repeats.are_new(groups[0].keys):
            return groups
        if self._options.duplicates == "error":
            return self._without_later(groups)
        times = Counter(key for rows in groups for key in rows.keys)
        repeated: dict[Hashable, list[Rows]] = {}
        kept: list[Rows] = []
        for rows in groups:
            places = [
                place
                for place, key in enumerate(rows.keys)
                if times[key] > 1 or key in self._tree or key in self._postponed
            ]
            for place in places:
                repeated.setdefault(rows.keys[place], []).append(rows.pick([place]))
            kept.append(rows.without(places))
        for key, parts in repeated.items():
            waiting = self._tree.take(key) or self._postponed.pop(key, None)
            parts.sort(key=lambda rows: rows.positions[0])
            self.result.duplicates += len(parts) - (waiting is None)
            kept.append(merged([waiting, *parts] if waiting is not None else parts))
        return kept

    def _without_later(self, groups: list[Rows]) -> list[Rows]:
        """Return the first row with each key; refuse the others."""
        first: dict[Hashable, int] = {}
        for rows in groups:
            for position, key in zip(rows.positions, rows.keys, strict=True):
                first[key] = min(position, first.get(key, position))
        kept: list[Rows] = []
        for rows in groups:
            repeated = []
            for place, (position, key) in enumerate(zip(rows.positions, rows.keys, strict=True)):
                waits = key in self._tree or key in self._postponed
                if position != first[key] or waits or self._repeats.has(key):
                    repeated.append(place)
                    reason = "is the key of an earlier row of this call"
                    self._refuse(rows, place, ", ".join(rows.shape.key), key, reason)
            kept.append(rows.without(repeated))
        return kept

    # Writes.

    async def _add(self, rows: Rows) -> None:
        """Write rows, parents before children; those whose parents have not come wait."""
        if not rows.shape.parents:
            await self._write(rows)
            return
        for part in await self._tree.waves(rows):
            await self._write(part)
            for released in self._tree.released(part):
                await self._add(released)

    async def _write(self, rows: Rows) -> None:
        """Write rows whose parents are there, and count them."""
        if not rows.values:
            return
        shape = rows.shape
        differences = await self._writer.compare(shape, rows.values)
        new: list[int] = []
        changed: dict[int, list[tuple[int, tuple[Any, ...]]]] = {}
        for place, stored, mask in differences:
            if stored is None:
                new.append(place)
            elif mask & shape.fixed:
                self._refuse_fixed(rows, place, stored, mask)
            elif mask & shape.unique:
                self._postpone(rows.pick([place]))
            else:
                changed.setdefault(mask, []).append((place, stored))
        inserted = await self._insert(rows.pick(new)) if new else []
        updated: list[Any] = []
        if changed:
            keys = [stored for places in changed.values() for _, stored in places]
            await self._writer.lock(shape, keys)
        for mask, places in changed.items():
            updated += await self._update(rows, mask, places)
        unchanged = rows.without([place for place, _, _ in differences]).keys
        self._repeats.count(inserted, updated, unchanged)

    async def _insert(self, rows: Rows) -> list[Any]:
        """Insert rows that are not stored; return the keys of those that were."""
        if self._refuse_incomplete(rows):
            return []
        rows = self._obedient(rows, is_new=True)
        if not rows.values:
            return []
        existing, refused = await self._writer.insert(rows.shape, rows.values)
        for place, error in refused:
            # The row with its unique key may give it up later, and its parent may come then.
            if is_unique_violation(error) or (rows.shape.parents and self._postponed):
                self._postpone(rows.pick([place]))
            else:
                self.result.errors += await explained(self._engine, rows, place, error, None)
        if existing:  # by now, as another transaction committed them meanwhile
            await self._write(rows.pick(existing))
        rows = rows.without([*existing, *(place for place, _ in refused)])
        self._note(self._inserts(rows))
        return rows.keys

    def _refuse_incomplete(self, rows: Rows) -> bool:
        """Refuse new rows that lack what a new row needs; return whether they do."""
        for place in range(len(rows.values)):
            for name in rows.shape.missing:
                reason = "is missing: the row is new, and a new row needs it"
                self._refuse(rows, place, name, None, reason)
        return bool(rows.shape.missing)

    async def _update(
        self, rows: Rows, mask: int, places: list[tuple[int, tuple[Any, ...]]]
    ) -> list[Any]:
        """Update rows that differ in ``mask``; return the keys of those that were."""
        values = [(rows.values[place], stored) for place, stored in places]
        changes = await self._updates(rows, mask, places)
        refused = await self._writer.update(rows.shape, mask, values)
        for number, error in refused:
            place, stored = places[number]
            self.result.errors += await explained(self._engine, rows, place, error, stored)
        lost = {number for number, _ in refused}
        self._note([change for number, change in enumerate(changes) if number not in lost])
        return rows.pick([p for number, (p, _) in enumerate(places) if number not in lost]).keys

    # What a dry run shows.

    def _note(self, changes: list[Change]) -> None:
        if self.result.plan is not None:
            self.result.plan.changes += changes

    def _inserts(self, rows: Rows) -> list[Change]:
        """Return what the insert of rows changes; nothing where nobody asked."""
        if self.result.plan is None:
            return []
        changes: list[Change] = []
        for key, values in zip(rows.keys, rows.values, strict=True):
            carried = zip(rows.shape.names, values, strict=True)
            new = {name: (None, value) for name, value in carried if value is not None}
            changes.append(Change("insert", key, new))
        return changes

    async def _updates(
        self, rows: Rows, mask: int, places: list[tuple[int, tuple[Any, ...]]]
    ) -> list[Change]:
        """Return what updates will change, one for each; nothing where nobody asked."""
        if self.result.plan is None:
            return []
        shape = rows.shape
        names = shape.changed(mask)
        stored_keys = [stored for _, stored in places]
        old: dict[str, dict[int, Any]] = {
            name: dict(await find(self._engine, shape.table, shape.primary_key, stored_keys, name))
            for name in names
        }
        changes: list[Change] = []
        for number, (place, _) in enumerate(places):
            columns = {name: (old[name].get(number), rows.column(name)[place]) for name in names}
            changes.append(Change("update", rows.keys[place], columns))
        return changes

    # Rows that take a unique key which another row of the call gives up.

    def _postpone(self, rows: Rows) -> None:
        (key,) = rows.keys
        self._postponed[key] = rows

    async def _write_postponed(self) -> None:
        """Write the postponed rows together: the new state is to be valid, not the way there.

        Those that the database refuses all the same are bad rows. Without them the
        others are tried again, as one of them may have counted on what a bad row
        would have given up.
        """
        while self._postponed:
            errors: list[RowError] = []
            try:
                async with self._engine.transaction():  # a savepoint
                    inserted, updated, changes = await self._exchange(errors)
                    if errors:
                        raise _RefusedError
            except _RefusedError:
                self.result.errors += errors
                bad = {error.position for error in errors}
                self._postponed = {
                    key: rows
                    for key, rows in self._postponed.items()
                    if rows.positions[0] not in bad
                }
                if self._options.raises:
                    return
            else:
                self._postponed.clear()
                self._repeats.count(inserted, updated, [])
                self._note(changes)

    async def _exchange(
        self, errors: list[RowError]
    ) -> tuple[list[Hashable], list[Hashable], list[Change]]:
        """Let the stored rows give up their unique keys, then write all; add what was refused.

        Returns the keys of the rows that are new, of those that are changed, and the changes.
        """
        changes: list[Change] = []
        pending = sorted(self._postponed.values(), key=lambda rows: rows.positions[0])
        new: list[Rows] = []
        changed: list[tuple[Rows, tuple[Any, ...], int]] = []
        for rows in pending:
            for _, stored, mask in await self._writer.compare(rows.shape, rows.values):
                if stored is None:
                    new.append(rows)
                else:
                    changed.append((rows, stored, mask))
        for rows, stored, mask in changed:
            changes += await self._updates(rows, mask, [(0, stored)])
        for number, (rows, stored, mask) in enumerate(changed):
            await self._writer.vacate(rows.shape, mask, stored, number)
        updated: list[Hashable] = []
        inserted: list[Hashable] = []
        for rows, stored, mask in changed:
            for _, error in await self._writer.update(rows.shape, mask, [(rows.values[0], stored)]):
                errors += await explained(self._engine, rows, 0, error, stored)
                break
            else:
                updated += rows.keys
        for rows in new:
            existing, refused = await self._writer.insert(rows.shape, rows.values)
            for _, error in refused:
                errors += await explained(self._engine, rows, 0, error, None)
            if not (existing or refused):
                changes += self._inserts(rows)
                inserted += rows.keys
        return inserted, updated, changes

    def _refuse_fixed(self, rows: Rows, place: int, stored: tuple[Any, ...], mask: int) -> None:
        """Refuse a row that would change what never changes."""
        for name in rows.shape.changed(mask & rows.shape.fixed):
            reason = (
                f"is refused: the row with this key has the id {stored[0]!r}, which never changes; "
                "leave it out, or look it up with resolve()"
                if name in rows.shape.primary_key
                else "is refused: the source stored with a row never changes (rule G4)"
            )
            self._refuse(rows, place, name, rows.column(name)[place], reason)
