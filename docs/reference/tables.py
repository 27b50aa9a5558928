"""The page of tables, from `spark_jobs.tables`."""

from docs.reference.markdown import code, table, text
from spark_jobs.table import PROPERTIES, Table
from spark_jobs.tables import TABLES


def page() -> str:
    """The page in Markdown."""
    shared = ", ".join(code(f"{name} = {value}") for name, value in PROPERTIES)
    intro = (
        f"The Iceberg tables of the catalog {code('lake')}, in pipeline order. Properties of every table: {shared}.\n"
    )
    return "\n".join(["# Tables\n", intro, *(_section(one) for one in TABLES)])


def _section(one: Table) -> str:
    columns = [(code(column.name), code(column.type), text(column.comment)) for column in one.columns]
    parts = [f"## {one.name.removeprefix('lake.')}\n", f"{text(one.comment)}\n"]
    if one.partitioned_by:
        parts.append(f"Partitioned by {code(one.partitioned_by)}.\n")
    if one.properties:
        parts.append(f"Properties: {', '.join(code(f'{name} = {value}') for name, value in one.properties)}.\n")
    return "\n".join([*parts, table(("column", "type", "description"), columns)])
