"""Reading again what an object stands for, and what it refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from piccolo.query.methods.objects import GetRelated as PiccoloGetRelated
from piccolo.query.methods.refresh import Refresh as PiccoloRefresh

from atlas.columns import ReferencedTable
from atlas.errors import RowNotFoundError

if TYPE_CHECKING:
    from piccolo.table import Table as PiccoloTable


class Refresh(PiccoloRefresh):
    """``row.refresh()``: read one row again, into its object."""

    async def run(self, in_pool: bool = True, node: str | None = None) -> PiccoloTable:
        """Read the columns and return the object.

        Raises ``RowNotFoundError`` when the row is gone.
        """
        try:
            return await super().run(in_pool=in_pool, node=node)
        except ValueError:
            await _find(self.instance, in_pool=in_pool, node=node)
            raise

    def _update_instance(self, instance: PiccoloTable, data_dict: dict[str, Any]) -> None:
        super()._update_instance(instance, data_dict)
        if "created_at" in data_dict:
            # A prefetched object now stands for the row its reference points to by now.
            instance._exists_in_db = True


class GetRelated(PiccoloGetRelated[ReferencedTable]):
    """``row.get_related(...)``: the row a foreign key points to."""

    async def run(self, node: str | None = None, in_pool: bool = True) -> ReferencedTable | None:
        """Return the row, None for null; raise ``RowNotFoundError`` when this row is gone."""
        related = await super().run(node=node, in_pool=in_pool)
        if related is None:
            await _find(self.row, in_pool=in_pool, node=node)
        return related


async def _find(row: Any, in_pool: bool, node: str | None) -> None:
    """Raise ``RowNotFoundError`` unless the object's row is in the database."""
    exists = type(row).exists().where(row._meta.primary_key == row._key)
    if not await exists.run(node=node, in_pool=in_pool):
        raise RowNotFoundError(row._meta.tablename, row._key)
