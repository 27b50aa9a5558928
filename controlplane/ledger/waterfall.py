"""The waterfall from generated to gold: position, width and link of each bar."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The width of the drawing, and the minimum width of a bar with a value.
WIDTH = 1000
LEAST = 4


@dataclass(frozen=True)
class Step:
    """One bar. `start` and `width` are thousandths of the drawing; `aside` names records that left or joined here."""

    key: str
    name: str
    value: int | None
    start: int
    width: int
    url: str
    aside: str = ""


def waterfall(flow: Mapping[str, Any], run_id: str = "") -> list[Step]:
    """The steps of a statement's flow, for all runs or for one.

    The parts of bronze follow one another from left to right, so that a gap at the end shows missing rows.
    """
    sent = f"/scenarios/runs/{run_id}/" if run_id else "/scenarios/"
    whole = max([flow.get(name) or 0 for name in ("generated", "acknowledged", "topic", "bronze")] + [1])

    def step(key: str, name: str, url: str, aside: str = "", start: int = 0) -> Step:
        value = flow.get(key)
        width = max(LEAST, round(value / whole * WIDTH)) if value else 0
        return Step(key, name, value, min(round(start / whole * WIDTH), WIDTH - width), width, url, aside)

    steps = [
        step("generated", "Generated", sent),
        step("acknowledged", "Acknowledged", sent, _aside(flow.get("failed"), "failed to send")),
    ]
    if "topic" in flow:
        steps.append(step("topic", "On the topic", "/stream/", _aside(flow.get("from_elsewhere"), "external")))
    steps.append(
        step("bronze", "In bronze", "/lakehouse/bronze/events/", _aside(flow.get("on_the_way"), "not in bronze yet"))
    )
    start = 0
    for key, name, url in (
        ("silver", "In silver", "/lakehouse/silver/events/"),
        ("quarantined", "Quarantined", "/lakehouse/silver/quarantine/"),
        ("duplicates", "Duplicates", "/lakehouse/silver/events/"),
        ("pending", "Pending", "/runs/"),
        ("unaccounted", "Unaccounted", "/quality/"),
    ):
        steps.append(step(key, name, url, start=start))
        start += flow.get(key) or 0
    return steps


def _aside(value: int | None, name: str) -> str:
    return f"{value:,} {name}" if value else ""
