"""Delivery faults: a valid event arrives twice, late, out of order or never. `records` implements them."""

from datetime import datetime, timedelta

from controlplane.scenarios.generator.faults.base import Fault, Outcome, Spoiling


class Duplicate(Fault):
    """Copies that are due after the end of the run are not sent."""

    kind, outcome = "duplicate", Outcome.DUPLICATE
    says = "Duplicate record after a short delay (0 = immediately)."
    delay_seconds = 5.0


class DuplicateDelayed(Fault):
    """The delay is in event time, so time compression shortens it. Copies that are due after the end of the run are
    sent just before it."""

    kind, outcome = "duplicate_delayed", Outcome.DUPLICATE
    says = "Duplicate record after hours of event time, or at the end of a shorter run."
    delay_seconds = 7200.0


class OutOfOrder(Fault):
    """Delayed while later events are sent. Records that are due after the end of the run are not sent."""

    kind, outcome = "out_of_order", Outcome.PASSES
    says = "Out-of-order record: sent after later events."
    delay_seconds = 3.0


class Late(Spoiling):
    """Created long before it is sent, as by a phone without a network: 0.5 to 1.5 times the average delay."""

    kind, outcome = "late", Outcome.PASSES
    says = "Late event: sent hours after its event time."
    delay_seconds = 7200.0

    def inject(self, value: bytes, draw: int, delay: int) -> bytes:
        start = value.index(b'"event_time":"') + len(b'"event_time":"')
        made = datetime.fromisoformat(value[start : start + 26].decode())
        before = made - timedelta(microseconds=delay // 2 + (delay * draw >> 32))
        return b"%b%b%b" % (value[:start], before.isoformat(timespec="microseconds").encode(), value[start + 26 :])


class Dropped(Fault):
    kind, outcome = "dropped", Outcome.MISSING
    says = "Dropped record: the producer counts it as sent, but it never reaches the topic."
