"""The build of lake.gold.hourly_sales and its gate."""

from spark_jobs.gold.hourly_sales.expectations import SUITE
from spark_jobs.gold.hourly_sales.schema import HOURLY_SALES
from spark_jobs.gold.hourly_sales.transform import hourly_sales
from spark_jobs.gold.job import GoldTable

JOB = GoldTable(name="gold.hourly_sales", table=HOURLY_SALES, transform=hourly_sales, suite=SUITE)
