"""What top products promise. `silver_input` is the gate's view of silver at the build's input snapshot."""

from typing import Any

from spark_jobs.gold.top_products.schema import PLACES
from spark_jobs.silver.events.schema import CURRENCIES
from spark_jobs.validation import Suite, expectation_classes

_SILVER = """
(SELECT to_date(event_time) AS day, currency, product_id,
        sum(CASE WHEN event_type = 'purchase' THEN price * quantity ELSE 0 END) AS revenue
 FROM silver_input WHERE product_id IS NOT NULL GROUP BY 1, 2, 3) AS silver
""".strip()
_FIGURES_DIFFER = f"""
SELECT gold.day, gold.currency, gold.product_id, gold.revenue AS gold, silver.revenue AS silver
FROM {{batch}} AS gold LEFT JOIN {_SILVER} USING (day, currency, product_id)
WHERE gold.revenue IS DISTINCT FROM silver.revenue
""".strip()
_OVERLOOKED = f"""
SELECT silver.day, silver.currency, silver.product_id, silver.revenue
FROM {_SILVER} LEFT ANTI JOIN {{batch}} AS gold USING (day, currency, product_id)
LEFT JOIN (SELECT day, currency, min(revenue) AS last, count(*) AS places FROM {{batch}} GROUP BY 1, 2) AS list
  USING (day, currency)
WHERE list.places IS NULL OR list.places < {PLACES} OR silver.revenue > list.last
""".strip()
_OUT_OF_ORDER = """
SELECT day, currency, rank, product_id FROM (
  SELECT *, row_number() OVER (PARTITION BY day, currency ORDER BY revenue DESC, product_id) AS place FROM {batch})
WHERE rank <> place
""".strip()


def _expectations() -> list[Any]:
    gxe = expectation_classes()

    return [
        *(
            gxe.ExpectColumnValuesToNotBeNull(column=name, description=f"Every row has its {name}.")
            for name in ("day", "currency", "product_id", "category")
        ),
        gxe.ExpectCompoundColumnsToBeUnique(
            column_list=["day", "currency", "product_id"], description="A product is listed once a day and currency."
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="rank", min_value=1, max_value=PLACES, description=f"Ranks go from 1 to {PLACES}."
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="currency", value_set=list(CURRENCIES), description="Every currency is one we know."
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query=_OUT_OF_ORDER, description="Ranks follow revenue, then product_id, without a gap."
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query=_FIGURES_DIFFER,
            description="Each product's revenue equals that of the silver snapshot it was built from.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query=_OVERLOOKED,
            description="No product that is left out earned more than the last one listed.",
        ),
    ]


SUITE = Suite("gold.top_products", _expectations)
