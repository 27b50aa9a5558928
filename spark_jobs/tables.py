"""All tables of the lake, and the statements that make them."""

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession

from spark_jobs.bronze.events.schema import EVENTS as BRONZE_EVENTS
from spark_jobs.gold.hourly_sales.schema import HOURLY_SALES
from spark_jobs.gold.top_products.schema import TOP_PRODUCTS
from spark_jobs.gold.user_sessions.schema import USER_SESSIONS
from spark_jobs.silver.events.schema import EVENTS as SILVER_EVENTS
from spark_jobs.silver.events.schema import QUARANTINE
from spark_jobs.table import Column, Table

TABLES = (BRONZE_EVENTS, SILVER_EVENTS, QUARANTINE, HOURLY_SALES, TOP_PRODUCTS, USER_SESSIONS)


def ensure_tables(spark: SparkSession, tables: tuple[Table, ...] = TABLES) -> None:
    """Create the namespaces and tables that are missing, and add the columns that a table of an earlier version lacks.

    Doing it again, or from two places at once, changes nothing.
    """
    for namespace in sorted({table.namespace for table in tables}):
        spark.sql(f"CREATE NAMESPACE IF NOT EXISTS lake.{namespace}")
    for table in tables:
        if not spark.catalog.tableExists(table.name):
            _create(spark, table)
        if missing := _missing(spark, table):
            _add(spark, table, missing)


def _create(spark: SparkSession, table: Table) -> None:
    try:
        spark.sql(table.create_sql())
    except AnalysisException:
        # Someone else made it between the question and the statement.
        if not spark.catalog.tableExists(table.name):
            raise


def _missing(spark: SparkSession, table: Table) -> list[Column]:
    known = set(spark.table(table.name).columns)
    return [column for column in table.columns if column.name not in known]


def _add(spark: SparkSession, table: Table, columns: list[Column]) -> None:
    try:
        spark.sql(table.add_columns_sql(columns))
    except PySparkException:
        # Someone else added them between the question and the statement.
        if _missing(spark, table):
            raise
