"""What silver and its quarantine promise.

The views `bronze_input` (bronze at the build's input snapshot) and `unaccounted` (its records that are nowhere) are the
gate's.
"""

from typing import Any

from spark_jobs.silver.events.rules import REASONS, UUID
from spark_jobs.silver.events.schema import CURRENCIES, EVENT_TYPES, MAX_PRICE, MAX_QUANTITY
from spark_jobs.validation import Suite, expectation_classes

QUARANTINED_SHARE_WARNING = 0.2

_COMPLETE_PURCHASE = "product_id IS NOT NULL AND category IS NOT NULL AND price IS NOT NULL AND quantity IS NOT NULL"


def _events() -> list[Any]:
    gxe = expectation_classes()

    always = ("event_id", "event_time", "user_id", "session_id", "country", "device")
    return [
        *(gxe.ExpectColumnValuesToNotBeNull(column=c, description=f"Every event has its {c}.") for c in always),
        gxe.ExpectColumnValuesToBeUnique(column="event_id", description="No event_id occurs twice."),
        gxe.ExpectColumnValuesToMatchRegex(column="event_id", regex=UUID, description="Every event_id is a UUID."),
        gxe.ExpectColumnValuesToBeInSet(
            column="event_type", value_set=list(EVENT_TYPES), description="Every event_type is one of the six we know."
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="currency", value_set=list(CURRENCIES), description="Every currency is one we know."
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="price", min_value=0, strict_min=True, max_value=MAX_PRICE,
            description=f"Prices are over 0 and at most {MAX_PRICE:,}.",
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="quantity", min_value=1, max_value=MAX_QUANTITY,
            description=f"Quantities are whole numbers from 1 to {MAX_QUANTITY:,}.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="SELECT event_id, product_id, category, price, quantity, order_id FROM {batch} "
            f"WHERE event_type = 'purchase' AND NOT ({_COMPLETE_PURCHASE} AND order_id IS NOT NULL)",
            description="Every purchase names its order, product, category, price and quantity.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="SELECT event_id, event_time, kafka_time FROM {batch} "
            "WHERE event_time > kafka_time + INTERVAL 1 HOUR OR event_time < kafka_time - INTERVAL 400 DAYS",
            description="No event lies over an hour ahead of Kafka's time or over 400 days before it.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="SELECT u.* FROM unaccounted u LEFT JOIN (SELECT 1 FROM {batch} LIMIT 0) ON true",
            description="Every bronze record is in silver, in quarantine or a duplicate of one in silver.",
        ),
    ]  # fmt: skip


def _quarantine() -> list[Any]:
    gxe = expectation_classes()

    return [
        gxe.ExpectColumnValuesToNotBeNull(column="reason", description="Every rejected record has a reason."),
        gxe.ExpectColumnValuesToBeInSet(
            column="reason", value_set=list(REASONS), description="Every reason is one that the rules name."
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="detail", description="Every rejected record says what is wrong."),
        gxe.ExpectColumnValuesToNotBeNull(column="offset", description="Every rejected record has its Kafka offset."),
        gxe.UnexpectedRowsExpectation(
            # The columns of `bronze.events.identity`.
            unexpected_rows_query="SELECT partition, offset, kafka_time, count(*) AS rows FROM {batch} "
            "GROUP BY partition, offset, kafka_time, "
            "CASE WHEN kafka_time IS NULL THEN coalesce(sha2(value, 256), 'none') END HAVING count(*) > 1",
            description="No record is rejected twice.",
        ),
        gxe.UnexpectedRowsExpectation(
            unexpected_rows_query="SELECT rejected, taken_in FROM (SELECT count(*) AS rejected FROM {batch}), "
            "(SELECT count(*) AS taken_in FROM bronze_input) "
            f"WHERE rejected > {QUARANTINED_SHARE_WARNING} * taken_in",
            description=f"At most {QUARANTINED_SHARE_WARNING:.0%} of all records are rejected.",
            severity="warning",
        ),
    ]


EVENTS_SUITE = Suite("silver.events", _events)
QUARANTINE_SUITE = Suite("silver.quarantine", _quarantine)
