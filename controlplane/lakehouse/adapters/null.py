"""A catalog in memory, for unit tests and for an installation without a lake."""

from collections.abc import Mapping
from datetime import datetime

from controlplane.lakehouse.ports import (
    TABLE,
    CatalogUnreachableError,
    Head,
    StorageProblemError,
    Table,
    TableMissingError,
    TableUnreadableError,
)
from controlplane.table_names import TableName


class NullCatalog:
    """Holds the tables it is given; `unreachable` makes it behave like one whose database is down."""

    def __init__(self, *tables: Table) -> None:
        self.tables = {table.name: table for table in tables}
        # The results of `newest`, by table.
        self.newest_at: dict[str, datetime] = {}
        self.unreachable = ""
        # Tables with a transient read error, and the error.
        self.unread: dict[str, str] = {}
        # Permanently unreadable entries by name; `kinds` has their kind if they are not tables.
        self.unreadable: dict[str, TableUnreadableError] = {}
        self.kinds: dict[str, str] = {}

    def heads(self) -> Mapping[str, Head]:
        self._answer()
        names = sorted({*self.tables, *self.unread, *self.unreadable})
        return {name: self._head(name) for name in names}

    def _head(self, name: str) -> Head:
        table = self.tables.get(name)
        location = table.metadata_location if table else ""
        return Head(TableName.parse(name), self.kinds.get(name, TABLE), location)

    def table(self, name: str) -> Table:
        self._answer()
        if name in self.unreadable:
            raise self.unreadable[name]
        if name in self.unread:
            raise CatalogUnreachableError(self.unread[name])
        if name not in self.tables:
            raise TableMissingError(f"Table {name} does not exist in the catalog.")
        return self.tables[name]

    def newest(self, table: Table, column: str) -> datetime | None:
        self._answer()
        return self.newest_at.get(table.name)

    def _answer(self) -> None:
        if self.unreachable:
            raise CatalogUnreachableError(self.unreachable)


class NullObjectStorage:
    """A bucket in memory; `problem` makes every check fail."""

    def __init__(self, problem: StorageProblemError | None = None) -> None:
        self.problem = problem

    def look(self) -> str:
        if self.problem is not None:
            raise self.problem
        return "memory"
