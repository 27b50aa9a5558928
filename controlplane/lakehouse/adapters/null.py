"""A catalogue in memory, for unit tests and for an installation without a lake."""

from collections.abc import Mapping
from datetime import datetime

from controlplane.lakehouse.ports import CatalogUnreachableError, StorageProblemError, Table, TableMissingError


class NullCatalog:
    """Holds the tables it is given; `unreachable` makes it behave like one whose database is down."""

    def __init__(self, *tables: Table) -> None:
        self.tables = {table.name: table for table in tables}
        # What `newest` says, by table.
        self.newest_at: dict[str, datetime] = {}
        self.unreachable = ""
        # Tables whose metadata can't be read, and why.
        self.unread: dict[str, str] = {}

    def heads(self) -> Mapping[str, str]:
        self._answer()
        return {name: table.metadata_location for name, table in sorted(self.tables.items())}

    def table(self, name: str) -> Table:
        self._answer()
        if name in self.unread:
            raise CatalogUnreachableError(self.unread[name])
        if name not in self.tables:
            raise TableMissingError(f"The catalogue has no table {name}.")
        return self.tables[name]

    def newest(self, table: Table, column: str) -> datetime | None:
        self._answer()
        return self.newest_at.get(table.name)

    def _answer(self) -> None:
        if self.unreachable:
            raise CatalogUnreachableError(self.unreachable)


class NullObjectStorage:
    """A bucket in memory; `problem` makes every look at it fail."""

    def __init__(self, problem: StorageProblemError | None = None) -> None:
        self.problem = problem

    def look(self) -> str:
        if self.problem is not None:
            raise self.problem
        return "memory"
