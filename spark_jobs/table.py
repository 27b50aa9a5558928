"""What a table of the lake is: its name, its columns and how it is laid out."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: `type` is Spark SQL's word for it."""

    name: str
    type: str
    comment: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the catalog `lake`; `properties` are Iceberg's table properties."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    partitioned_by: str | None = None
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def namespace(self) -> str:
        """`silver` of `lake.silver.events`."""
        return self.name.split(".")[1]

    @property
    def column_names(self) -> list[str]:
        """The columns in their stored order."""
        return [column.name for column in self.columns]

    def on(self, branch: str) -> str:
        """The name under which Spark writes to a branch of this table."""
        return f"{self.name}.branch_{branch}"

    def create_sql(self) -> str:
        """The statement that makes the table where it is missing."""
        columns = ",\n  ".join(_definition(column) for column in self.columns)
        layout = f"\nPARTITIONED BY ({self.partitioned_by})" if self.partitioned_by else ""
        properties = ", ".join(f"{_quoted(name)} = {_quoted(value)}" for name, value in (*PROPERTIES, *self.properties))
        return (
            f"CREATE TABLE IF NOT EXISTS {self.name} (\n  {columns}\n) USING iceberg{layout}\n"
            f"COMMENT {_quoted(self.comment)}\nTBLPROPERTIES ({properties})"
        )

    def add_columns_sql(self, columns: Iterable[Column]) -> str:
        """The statement that adds columns to a table of an earlier version; its old rows have null there."""
        return f"ALTER TABLE {self.name} ADD COLUMNS ({', '.join(_definition(column) for column in columns)})"


# The stream commits every few seconds while builds and maintenance commit too: a lost race is tried again more
# patiently than Iceberg's four times in a second.
PROPERTIES = (
    ("format-version", "2"),
    ("write.parquet.compression-codec", "zstd"),
    ("commit.retry.num-retries", "10"),
)


def _definition(column: Column) -> str:
    return f"`{column.name}` {column.type} COMMENT {_quoted(column.comment)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
