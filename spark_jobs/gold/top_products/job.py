"""The build of lake.gold.top_products and its gate."""

from spark_jobs.gold.job import GoldTable
from spark_jobs.gold.top_products.expectations import SUITE
from spark_jobs.gold.top_products.schema import TOP_PRODUCTS
from spark_jobs.gold.top_products.transform import top_products

JOB = GoldTable(name="gold.top_products", table=TOP_PRODUCTS, transform=top_products, suite=SUITE)
