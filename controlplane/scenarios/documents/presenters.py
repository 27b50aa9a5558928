"""Documents and runs as texts and tables for pages."""

from typing import Any

from controlplane.scenarios.documents.sparklines import spoiled_share
from controlplane.scenarios.generator.bounded_yaml import yaml_text
from controlplane.scenarios.generator.document import Scenario
from controlplane.scenarios.generator.events import EVENT_TYPES
from controlplane.scenarios.generator.faults import FAULTS, Outcome
from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.models import ScenarioRun
from controlplane.web.numbers import duration

TIMES = "\N{MULTIPLICATION SIGN}"


def as_yaml(scenario: Scenario) -> str:
    """The document as YAML of the same scenario, without default values."""
    said = _plain(scenario.model_dump(mode="json", exclude_defaults=True, exclude={"source": {"figures"}}))
    return yaml_text(said)


def _plain(value: Any) -> Any:
    """Whole numbers without `.0`."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def described(scenario: Scenario) -> list[tuple[str, str]]:
    """The document as (label, value), the most important first."""
    schedule = Schedule(scenario)
    if scenario.source is not None:
        return [
            ("Events", f"{schedule.total:,} in {duration(schedule.duration)}"),
            ("Recording", scenario.source.name or scenario.source.recording[:12]),
            ("Faults", _share(scenario)),
            ("Replay speed", f"{scenario.source.speed:,g}{TIMES}"),
            ("Mapping", scenario.source.mapping or "Custom"),
            ("Seed", str(scenario.seed)),
        ]
    population, sessions = scenario.population, scenario.sessions
    facts = [
        ("Records", f"{schedule.total:,} in {duration(schedule.duration)}"),
        ("Rate", " then ".join(_stage(stage, scenario.traffic.unit) for stage in scenario.traffic.stages)),
        ("Faults", _share(scenario)),
        ("Users", f"{population.users:,} from {len(population.countries)} countries"),
        ("Products", f"{population.products:,} in {len(population.categories)} categories"),
        ("Popularity", f"Zipf exponent {population.popularity:g}"),
        ("Think time", f"{sessions.think_seconds:g} s average"),
        ("Seed", str(scenario.seed)),
    ]
    if scenario.traffic.time_compression != 1:
        facts.insert(2, ("Event time", f"time compression {scenario.traffic.time_compression:,g}{TIMES}"))
    return facts


def transitions(scenario: Scenario) -> list[dict[str, Any]]:
    """The state machine as rows: {"state", "next": [(step, percent), …]}, the most likely step first."""
    rows = scenario.sessions.transitions
    return [
        {
            "state": state,
            "next": [
                ("exit" if step == "leave" else step, 100 * share)
                for step, share in sorted(rows[state].items(), key=lambda pair: -pair[1])
                if share
            ],
        }
        for state in ("start", *EVENT_TYPES)
    ]


def faults(scenario: Scenario) -> list[dict[str, Any]]:
    """The faults as rows: {"kind", "says", "percent" as text, "outcome", "reason", "from_seconds", "until_seconds"};
    the reason is the quarantine reason, empty if the record isn't rejected."""
    return [
        {
            "kind": fault.kind,
            "says": FAULTS[fault.kind].says,
            "percent": f"{100 * fault.rate:.3g}",
            "outcome": FAULTS[fault.kind].outcome.value,
            "reason": FAULTS[fault.kind].reason,
            "from_seconds": fault.from_seconds,
            "until_seconds": fault.until_seconds,
        }
        for fault in scenario.faults
    ]


def run_facts(run: ScenarioRun) -> dict[str, Any]:
    """What a run's page shows in addition to the row: {"types", "injected", "injected_total", "spoils"}. `spoils` tells
    whether the document defines faults."""
    counts = run.by_type or {}
    generated = max(sum(counts.values()), 1)
    types = [
        {"name": name, "count": counts.get(name, 0), "percent": 100 * counts.get(name, 0) / generated}
        for name in EVENT_TYPES
    ]
    # The truth counts delivered records and is known at the end. Until then, the generated faults are counted.
    known = run.truth.get("faults", {}) if run.truth else run.faults
    injected = [
        {"kind": kind, "count": count, "reason": FAULTS[kind].reason, "outcome": FAULTS[kind].outcome.value}
        for kind, count in sorted(known.items(), key=lambda pair: (_repeats(pair[0]), -pair[1]))
    ]
    return {
        "types": types,
        "injected": injected,
        "injected_total": sum(entry["count"] for entry in injected),
        "spoils": bool(run.version.content.faults),
    }


def _repeats(kind: str) -> bool:
    return FAULTS[kind].outcome is Outcome.DUPLICATE


def _stage(stage: Any, unit: str) -> str:
    """A short description of a stage."""
    per = "/s" if unit == "events" else " sessions/s"
    first = f"{stage.events_per_second:,g}"
    to = getattr(stage, "to_events_per_second", None) or getattr(stage, "peak_events_per_second", None)
    if to is None:
        return f"{first}{per}"
    shape = "sine" if stage.shape == "wave" else stage.shape
    return f"{shape} {first} to {to:,g}{per}"


def _share(scenario: Scenario) -> str:
    bad, twice = spoiled_share(scenario), spoiled_share(scenario, Outcome.DUPLICATE)
    parts = [f"{100 * bad:.3g}% invalid"] * bool(bad) + [f"{100 * twice:.3g}% duplicates"] * bool(twice)
    # Late, out-of-order and dropped records, and faults that silver accepts, are neither invalid nor duplicates.
    return ", ".join(parts) or ("no invalid records" if scenario.faults else "no faults")
