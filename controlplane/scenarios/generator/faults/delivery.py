"""Faults on the way: the event is good, and comes twice, late, out of order, or never. `records` does them."""

from datetime import datetime, timedelta

from controlplane.scenarios.generator.faults.base import Fault, Outcome, Spoiling


class Duplicate(Fault):
    """Copies that would come after the run's end are not sent."""

    kind, outcome = "duplicate", Outcome.DUPLICATE
    says = "The same record again, a moment later (delay 0: at once)."
    delay_seconds = 5.0


class DuplicateDelayed(Fault):
    """The delay is in event time, so time compression shortens it. Copies that would come after the run's end are sent
    just before it."""

    kind, outcome = "duplicate_delayed", Outcome.DUPLICATE
    says = "The same record again, hours of event time later; at the end of a shorter run."
    delay_seconds = 7200.0


class OutOfOrder(Fault):
    """Held back while later events overtake it. What would come after the run's end is not sent."""

    kind, outcome = "out_of_order", Outcome.PASSES
    says = "The event is overtaken by later ones."
    delay_seconds = 3.0


class Late(Spoiling):
    """Made long before it comes, as by a telephone without a network. From half to one and a half times the delay."""

    kind, outcome = "late", Outcome.PASSES
    says = "The event comes hours after it was made."
    delay_seconds = 7200.0

    def spoil(self, value: bytes, draw: int, delay: int) -> bytes:
        start = value.index(b'"event_time":"') + len(b'"event_time":"')
        made = datetime.fromisoformat(value[start : start + 26].decode())
        before = made - timedelta(microseconds=delay // 2 + (delay * draw >> 32))
        return b"%b%b%b" % (value[:start], before.isoformat(timespec="microseconds").encode(), value[start + 26 :])


class Dropped(Fault):
    kind, outcome = "dropped", Outcome.MISSING
    says = "The sender believes that it was sent; it never arrives."
