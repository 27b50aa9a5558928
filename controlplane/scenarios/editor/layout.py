"""Which fields the form has, part by part, in the words of the people who fill it in."""

from typing import Any

from controlplane.scenarios.editor.fields import Field, Kind
from controlplane.scenarios.generator.document import SHAPES, Scenario
from controlplane.scenarios.generator.document.population import Category, Country, HotProduct, Population
from controlplane.scenarios.generator.document.sessions import Basket, Sessions
from controlplane.scenarios.generator.document.source import Source
from controlplane.scenarios.generator.document.thresholds import Threshold
from controlplane.scenarios.generator.document.traffic import Traffic
from controlplane.scenarios.generator.events import CURRENCIES, EVENT_TYPES
from controlplane.scenarios.generator.faults import FAULTS
from controlplane.scenarios.generator.thresholds import METRICS

SHAPE_LABELS = {
    "constant": "steady", "ramp": "ramp, evenly from one rate to another", "step": "steps from one rate to another",
    "spike": "spike and back", "wave": "wave, as day and night",
}  # fmt: skip


def _default(model: Any, name: str) -> Any:
    return model.model_fields[name].default


ABOUT = (
    Field("name", "Name", Kind.TEXT),
    Field("description", "What it does", Kind.PROSE),
    Field("teaches", "What one learns from it", Kind.PROSE),
)
LENGTH = (Field("duration_seconds", "The run lasts", unit="s"),)
LIMITS = (
    Field("max_events", "At most so many events", hint="Left empty, only the duration ends it."),
    Field("seed", "Seed", hint="The same seed makes the same events.", default=_default(Scenario, "seed")),
)
TRAFFIC = (
    Field(
        "traffic.unit", "Rates count", Kind.CHOICE, default="events",
        choices=(("events", "events a second"), ("sessions", "sessions that begin, a second")),
    ),
    Field(
        "traffic.time_compression", "Each second stands for", unit="s", default=_default(Traffic, "time_compression"),
        hint="3600 makes an hour of event time pass in each second.",
    ),
    Field("traffic.loop", "Begin with the first stage again after the last", Kind.FLAG, default=False),
)  # fmt: skip
# Instead of traffic, shoppers and sessions, where a recording says all that. Its choices are the recordings that are
# there: the page knows them.
SOURCE = (
    Field("source.recording", "Recording", Kind.CHOICE),
    Field("source.mapping", "Read as", Kind.CHOICE),
    Field(
        "source.speed", "Times as fast as recorded", default=_default(Source, "speed"),
        hint="60 plays an hour in a minute. The events end now; none is of the future.",
    ),
    Field("source.name", "Name of the file", Kind.TEXT, hint="For people only."),
)  # fmt: skip
POPULATION = (
    Field("population.users", "Shoppers", default=_default(Population, "users")),
    Field("population.products", "Products", default=_default(Population, "products")),
    Field(
        "population.popularity", "Popularity", default=_default(Population, "popularity"),
        hint="Exponent of Zipf's law: 0 makes all products alike, 1 is usual, more makes the few more popular.",
    ),
)  # fmt: skip
HOT_PRODUCT = (
    Field("share", "Of all looks at a product", Kind.PERCENT, "%", default=_default(HotProduct, "share")),
    Field("discount", "Taken off its price", Kind.PERCENT, "%", default=_default(HotProduct, "discount")),
    Field("from_seconds", "From second", unit="s", default=0),
    Field("until_seconds", "Until second", unit="s", hint="Left empty: to the end."),
)
CATEGORY = (
    Field("name", "Category", Kind.TEXT),
    Field("median_price", "Median price"),
    Field("spread", "Spread", hint="Of the price's logarithm.", default=_default(Category, "spread")),
    Field("weight", "Weight", default=_default(Category, "weight")),
)
COUNTRY = (
    Field("code", "Country", Kind.TEXT),
    Field("currency", "Currency", Kind.CHOICE, choices=tuple((code, code) for code in CURRENCIES)),
    Field("weight", "Weight", default=_default(Country, "weight")),
)
SESSIONS = (
    Field("sessions.think_seconds", "Time between two steps", unit="s", default=_default(Sessions, "think_seconds")),
    Field(
        "sessions.conversion", "Sessions that buy", Kind.PERCENT, "%",
        hint="Scales the steps to checkout. Left empty, the table below decides.",
    ),
    Field(
        "sessions.basket.pieces_per_line", "Pieces of a product at once", hint="On average; from 1 to 5.",
    ),
    Field("sessions.basket.most_lines", "Different products in a cart", default=_default(Basket, "most_lines")),
)  # fmt: skip
DWELL = tuple(Field(f"sessions.dwell_seconds.{name}", f"After {name}", unit="s") for name in EVENT_TYPES)
TRANSITION = Field("", "", Kind.PERCENT, "%")
DEVICE = Field("", "")


def stage_fields(shape: Any, unit: str, *, last: bool) -> tuple[Field, ...]:
    """The fields of a stage of that shape; a shape that is unknown has a rate and a length."""
    labels = {
        "constant": {"events_per_second": "Rate"},
        "ramp": {"events_per_second": "From", "to_events_per_second": "To"},
        "step": {"events_per_second": "From", "to_events_per_second": "To", "steps": "Steps"},
        "spike": {
            "events_per_second": "Before and after", "peak_events_per_second": "At the peak",
            "before": "Time before it", "rise": "Time rising", "hold": "Time at the peak", "fall": "Time falling",
        },
        "wave": {
            "events_per_second": "Lowest", "peak_events_per_second": "Highest", "period_seconds": "One turn",
            "phase": "Begins at, of a turn",
        },
    }.get(shape, {"events_per_second": "Rate"})  # fmt: skip
    model = SHAPES.get(shape, SHAPES["constant"]) if isinstance(shape, str) else SHAPES["constant"]
    found = []
    for key, label in labels.items():
        default = model.model_fields[key].default
        share = key in ("before", "rise", "hold", "fall", "phase")
        per = f"{unit}/s" if key.endswith("events_per_second") else "%" if share else ""
        per = {"period_seconds": "s of event time", "phase": "%"}.get(key, per)
        found.append(
            Field(
                key, label, Kind.PERCENT if share else Kind.NUMBER, per,
                default=None if model.model_fields[key].is_required() else default,
            )
        )  # fmt: skip
    lasts = Field("duration_seconds", "Lasts", unit="s", hint="Left empty: to the end of the run." if last else "")
    found.insert(2 if len(found) > 1 else 1, lasts)
    return tuple(found)


def fault_fields(kind: Any) -> tuple[Field, ...]:
    """The fields of a fault of that kind; only some have a delay."""
    known = FAULTS.get(kind) if isinstance(kind, str) else None
    delay = Field("delay_seconds", "Delay", unit="s", default=known and known.delay_seconds, hint="On average.")
    return (
        Field("rate", "Of the records", Kind.PERCENT, "%"),
        *((delay,) if known is not None and known.delay_seconds is not None else ()),
        Field("from_seconds", "From second", unit="s", default=0),
        Field("until_seconds", "Until second", unit="s", hint="Left empty: to the end."),
    )


def threshold_fields(metric: Any) -> tuple[Field, ...]:
    """The fields of a threshold on that metric."""
    known = METRICS.get(metric) if isinstance(metric, str) else None
    unit = known.unit if known else ""
    return (
        Field("over", "Stop when over", unit=unit),
        Field("under", "or under", unit=unit),
        Field("for_seconds", "for", unit="s", default=_default(Threshold, "for_seconds")),
    )
