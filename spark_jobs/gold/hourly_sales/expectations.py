"""What hourly sales promise. `silver_revenue` is the gate's view of silver at the build's input snapshot."""

from typing import Any

from spark_jobs.gold.reconciliation import REVENUE_DIFFERS
from spark_jobs.silver.events.schema import CURRENCIES
from spark_jobs.validation import Suite, expectation_classes


def _expectations() -> list[Any]:
    gxe = expectation_classes()

    return [
        *(
            gxe.ExpectColumnValuesToNotBeNull(column=name, description=f"Every row has its {name}.")
            for name in ("hour", "currency", "category")
        ),
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["hour", "currency", "category"],
            description="There is one row for each hour, currency and category.",
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="currency", value_set=list(CURRENCIES), description="Every currency is one we know."
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="revenue", min_value=0, strict_min=True, description="Every row's revenue is over 0."
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="orders", min_value=1, description="Every row has at least one order."
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="SELECT * FROM {batch} WHERE units < orders OR buyers < 1 "
            "OR hour <> date_trunc('hour', hour)",
            description="Every order has a unit, every row a buyer, and hours begin on the hour.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query=REVENUE_DIFFERS,
            description="Revenue by currency equals that of the silver snapshot it was built from.",
        ),
    ]


SUITE = Suite("gold.hourly_sales", _expectations)
