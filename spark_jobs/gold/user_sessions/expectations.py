"""What user sessions promise. `silver_input` is the gate's view of silver at the build's input snapshot."""

from typing import Any

from spark_jobs.gold.reconciliation import REVENUE_DIFFERS
from spark_jobs.silver.events.schema import CURRENCIES
from spark_jobs.validation import Suite, expectation_classes

_FIGURES_DIFFER = """
SELECT coalesce(gold.session_id, silver.session_id) AS session_id, gold.events AS gold_events,
       silver.events AS silver_events, gold.revenue AS gold_revenue, silver.revenue AS silver_revenue
FROM {batch} AS gold
FULL OUTER JOIN (SELECT session_id, count(*) AS events,
                        sum(CASE WHEN event_type = 'purchase' THEN price * quantity ELSE 0 END) AS revenue
                 FROM silver_input GROUP BY 1) AS silver ON gold.session_id = silver.session_id
WHERE gold.events IS DISTINCT FROM silver.events OR gold.revenue IS DISTINCT FROM silver.revenue
""".strip()


def _expectations() -> list[Any]:
    gxe = expectation_classes()

    return [
        *(
            gxe.ExpectColumnValuesToNotBeNull(column=name, description=f"Every session has its {name}.")
            for name in ("session_id", "user_id", "started_at", "device", "country")
        ),
        gxe.ExpectColumnValuesToBeUnique(column="session_id", description="No session is listed twice."),
        gxe.ExpectColumnValuesToBeInSet(
            column="currency", value_set=list(CURRENCIES), description="Every currency is one we know."
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="SELECT * FROM {batch} WHERE ended_at < started_at OR duration_seconds < 0",
            description="No session ends before it starts.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="SELECT * FROM {batch} WHERE converted <> (purchases > 0) "
            "OR converted <> (revenue > 0) OR views + searches + carts + purchases > events",
            description="A session is converted exactly when it bought something, and its counts add up.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query=_FIGURES_DIFFER,
            description="Each session's events and revenue equal those of the silver snapshot it was built from.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query=REVENUE_DIFFERS,
            # A warning: only a sender who mixes currencies within one session can break it, and the figures above hold.
            description="Revenue by currency equals silver's: no session mixes currencies.",
            severity="warning",
        ),
    ]


SUITE = Suite("gold.user_sessions", _expectations)
