"""The pipeline in one place: its layers, tables and jobs, in the order in which data flows through them.

It imports nothing, so that a DAG file, the control plane and the dashboards can all read it.
"""

BRONZE = ("bronze.events",)
SILVER = ("silver.events", "silver.quarantine")
GOLD = ("gold.hourly_sales", "gold.top_products", "gold.user_sessions")
TABLES = (*BRONZE, *SILVER, *GOLD)

# The job that never ends: Structured Streaming into bronze.
STREAM_JOB = "bronze.events"
# Each job builds its table on the branch `audit`; the gate of the same name validates it there and publishes it.
BUILDS = ("silver.events", *GOLD)
JOBS = tuple(name for build in BUILDS for name in (build, f"{build}.gate"))


def flow_position(table: str) -> int:
    """The position of `table` (`layer.name`) in the flow; tables of other layers come after all of these."""
    return TABLES.index(table) if table in TABLES else len(TABLES)
