"""The fields of the form, section by section, with their labels and hints."""

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
    "constant": "Constant", "ramp": "Linear ramp", "step": "Step", "spike": "Spike", "wave": "Sine (daily cycle)",
}  # fmt: skip

_TIMES = "\N{MULTIPLICATION SIGN}"


def _default(model: Any, name: str) -> Any:
    return model.model_fields[name].default


ABOUT = (
    Field("name", "Name", Kind.TEXT),
    Field("description", "Description", Kind.PROSE),
    Field("teaches", "Learning goal", Kind.PROSE),
)
LENGTH = (Field("duration_seconds", "Duration", unit="s"),)
LIMITS = (
    Field("max_events", "Max events", hint="Blank = limited by the duration only."),
    Field(
        "seed",
        "Seed",
        hint="Same version + seed = identical events, except for IDs and times.",
        default=_default(Scenario, "seed"),
    ),
)
TRAFFIC = (
    Field(
        "traffic.unit", "Rate unit", Kind.CHOICE, default="events",
        choices=(("events", "events/s"), ("sessions", "new sessions/s")),
    ),
    Field(
        "traffic.time_compression", "Time compression", unit=_TIMES, default=_default(Traffic, "time_compression"),
        hint="3600 = one hour of event time per second.",
    ),
    Field("traffic.loop", "Loop stages", Kind.FLAG, default=False),
)  # fmt: skip
# A recording replaces traffic, population and sessions. The page adds the available recordings as choices.
SOURCE = (
    Field("source.recording", "Recording", Kind.CHOICE),
    Field("source.mapping", "Mapping", Kind.CHOICE),
    Field(
        "source.speed", "Replay speed", unit=_TIMES, default=_default(Source, "speed"),
        hint="60 = one hour in one minute. Event times end at the current time; none is in the future.",
    ),
    Field("source.name", "File name", Kind.TEXT, hint="Display name only."),
)  # fmt: skip
POPULATION = (
    Field("population.users", "Users", default=_default(Population, "users")),
    Field("population.products", "Products", default=_default(Population, "products")),
    Field(
        "population.popularity", "Popularity", default=_default(Population, "popularity"),
        hint="Zipf exponent: 0 = uniform, 1 = typical, higher = views concentrate on fewer products.",
    ),
)  # fmt: skip
HOT_PRODUCT = (
    Field("share", "Share of product views", Kind.PERCENT, "%", default=_default(HotProduct, "share")),
    Field("discount", "Discount", Kind.PERCENT, "%", default=_default(HotProduct, "discount")),
    Field("from_seconds", "Start", unit="s", default=0),
    Field("until_seconds", "End", unit="s", hint="Blank = until end of run."),
)
CATEGORY = (
    Field("name", "Category", Kind.TEXT),
    Field("median_price", "Median price"),
    Field(
        "spread",
        "Spread",
        hint="Standard deviation of the natural logarithm of the price.",
        default=_default(Category, "spread"),
    ),
    Field("weight", "Weight", default=_default(Category, "weight")),
)
COUNTRY = (
    Field("code", "Country", Kind.TEXT),
    Field("currency", "Currency", Kind.CHOICE, choices=tuple((code, code) for code in CURRENCIES)),
    Field("weight", "Weight", default=_default(Country, "weight")),
)
SESSIONS = (
    Field("sessions.think_seconds", "Think time", unit="s", default=_default(Sessions, "think_seconds")),
    Field(
        "sessions.conversion", "Conversion rate", Kind.PERCENT, "%",
        hint="Scales the transitions to checkout. Blank = use the table below.",
    ),
    Field(
        "sessions.basket.pieces_per_line", "Quantity per line", hint="Average, 1 to 5.",
    ),
    Field("sessions.basket.most_lines", "Max cart lines", default=_default(Basket, "most_lines")),
)  # fmt: skip
DWELL = tuple(Field(f"sessions.dwell_seconds.{name}", f"After {name}", unit="s") for name in EVENT_TYPES)
TRANSITION = Field("", "", Kind.PERCENT, "%")
DEVICE = Field("", "")


def stage_fields(shape: Any, unit: str, *, last: bool) -> tuple[Field, ...]:
    """The fields of a stage of that shape. An unknown shape has a rate and a duration."""
    labels = {
        "constant": {"events_per_second": "Rate"},
        "ramp": {"events_per_second": "Start rate", "to_events_per_second": "End rate"},
        "step": {"events_per_second": "Start rate", "to_events_per_second": "End rate", "steps": "Steps"},
        "spike": {
            "events_per_second": "Base rate", "peak_events_per_second": "Peak rate",
            "before": "Delay", "rise": "Rise", "hold": "Hold", "fall": "Fall",
        },
        "wave": {
            "events_per_second": "Minimum rate", "peak_events_per_second": "Maximum rate", "period_seconds": "Period",
            "phase": "Phase",
        },
    }.get(shape, {"events_per_second": "Rate"})  # fmt: skip
    model = SHAPES.get(shape, SHAPES["constant"]) if isinstance(shape, str) else SHAPES["constant"]
    found = []
    for key, label in labels.items():
        default = model.model_fields[key].default
        share = key in ("before", "rise", "hold", "fall", "phase")
        per = f"{unit}/s" if key.endswith("events_per_second") else "%" if share else ""
        per = {"period_seconds": "s (event time)", "phase": "%"}.get(key, per)
        found.append(
            Field(
                key, label, Kind.PERCENT if share else Kind.NUMBER, per,
                default=None if model.model_fields[key].is_required() else default,
            )
        )  # fmt: skip
    lasts = Field("duration_seconds", "Duration", unit="s", hint="Blank = until end of run." if last else "")
    found.insert(2 if len(found) > 1 else 1, lasts)
    return tuple(found)


def fault_fields(kind: Any) -> tuple[Field, ...]:
    """The fields of a fault of that kind. Only some kinds have a delay."""
    known = FAULTS.get(kind) if isinstance(kind, str) else None
    delay = Field("delay_seconds", "Delay", unit="s", default=known and known.delay_seconds, hint="Average.")
    return (
        Field("rate", "Fault rate", Kind.PERCENT, "%"),
        *((delay,) if known is not None and known.delay_seconds is not None else ()),
        Field("from_seconds", "Start", unit="s", default=0),
        Field("until_seconds", "End", unit="s", hint="Blank = until end of run."),
    )


def threshold_fields(metric: Any) -> tuple[Field, ...]:
    """The fields of a threshold on that metric."""
    known = METRICS.get(metric) if isinstance(metric, str) else None
    unit = known.unit if known else ""
    return (
        Field("over", "Abort if over", unit=unit),
        Field("under", "Abort if under", unit=unit),
        Field("for_seconds", "For at least", unit="s", default=_default(Threshold, "for_seconds")),
    )
