"""A recording as the source of events: its columns and the replay speed."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document.base import KEPT, MAX_RATE, MAX_SECONDS, Line, Part, either, wrong
from controlplane.scenarios.generator.events import CURRENCIES, EVENT_TYPES

Column = Annotated[str, Field(min_length=1, max_length=200, pattern=KEPT)]
EventType = Annotated[str, Field(json_schema_extra={"enum": list(EVENT_TYPES)})]
# The rate of a recording over time is described by this many counts, one per equal part of its time span.
PROFILE_PARTS = 48


class Columns(Part):
    """The column of a recording for each field of an event. Fields without a column are derived."""

    event_time: Column
    event_type: Column
    user_id: Column
    session_id: Column | None = None
    product_id: Column | None = None
    category: Column | None = None
    category_else: Column | None = Field(default=None, description="Fallback column for an empty category.")
    price: Column | None = None
    quantity: Column | None = None
    order_id: Column | None = None
    query: Column | None = None
    currency: Column | None = None
    country: Column | None = None
    device: Column | None = None
    types: Annotated[dict[Annotated[str, Field(max_length=200, pattern=KEPT)], EventType], Field(max_length=100)] = (
        Field(
            default={},
            json_schema_extra={"propertyNames": {"maxLength": 200, "pattern": KEPT}},
            description="Maps event types of the recording to those of this system. Identical names need no entry.",
        )
    )
    default_currency: str | None = Field(
        default=None, json_schema_extra={"enum": [*CURRENCIES, None]}, description="Currency of rows without one."
    )
    leave_out: bool = Field(default=False, description="Skip and count invalid rows instead of rejecting the file.")

    @field_validator("types")
    @classmethod
    def _known_types(cls, types: dict[str, str]) -> dict[str, str]:
        for word, ours in types.items():
            problems.known(ours, EVENT_TYPES, where=f"types.{word}")
        return types

    @field_validator("default_currency")
    @classmethod
    def _known_currency(cls, currency: str | None) -> str | None:
        if currency is not None and currency not in CURRENCIES:
            raise wrong(f"Unknown currency {currency!r}.", f"Allowed: {', '.join(CURRENCIES)}.")
        return currency


# Never changed once published: versions of scenarios name them.
READY: dict[str, Columns] = {
    # github.com and kaggle.com: "eCommerce behavior data from multi category store", by REES46.
    "rees46": Columns(
        event_time="event_time",
        event_type="event_type",
        user_id="user_id",
        session_id="user_session",
        product_id="product_id",
        category="category_code",
        category_else="category_id",
        price="price",
        types={"cart": "add_to_cart"},
        default_currency="USD",
        leave_out=True,
    ),
    # Events of this system, as they are on the topic.
    "events": Columns.model_validate(
        {
            name: name
            for name in (
                "event_time", "event_type", "user_id", "session_id", "product_id", "category", "price", "quantity",
                "order_id", "query", "currency", "country", "device",
            )
        }
    ),
}  # fmt: skip


class Figures(Part):
    """Figures of the recording. Always filled in when a document is read, whatever the document contains."""

    rows: Annotated[int, Field(ge=1)]
    length_us: Annotated[int, Field(ge=0)] = Field(description="Microseconds from the first event to the last.")
    types: dict[str, int]
    profile: Annotated[list[int], Field(min_length=1, max_length=100)] = Field(
        description="Number of events in each of the equal parts of its time span."
    )


class Source(Part):
    """A recording instead of synthetic sessions. It defines what is sent and, with the speed, when."""

    model_config = ConfigDict(json_schema_extra=either("mapping", "columns"))

    recording: Annotated[str, Field(min_length=1, max_length=4096, pattern=KEPT)] = Field(
        description="SHA-256 of the file. On the command line, a path is accepted as well."
    )
    mapping: str | None = Field(default=None, json_schema_extra={"enum": [*READY, None]})
    columns: Columns | None = Field(default=None, description="A custom mapping, instead of a built-in one.")
    speed: Annotated[float, Field(ge=0.01, le=100_000)] = Field(
        default=1.0, description="Seconds of the recording per second of sending."
    )
    name: Line | None = Field(default=None, description="File name, for display only.")
    figures: Figures | None = None

    @field_validator("mapping")
    @classmethod
    def _known_mapping(cls, mapping: str | None) -> str | None:
        return None if mapping is None else problems.known(mapping, READY)

    @model_validator(mode="after")
    def _one_mapping(self) -> Self:
        if (self.mapping is None) == (self.columns is None):
            raise wrong(
                "A source needs either mapping or columns.", f"Set mapping to {' or '.join(READY)}, or set columns."
            )
        return self

    @property
    def chosen(self) -> Columns:
        """The effective columns."""
        return self.columns if self.columns is not None else READY[self.mapping or ""]

    def drawn(self) -> dict[str, Any]:
        """The duration and the traffic of a scenario with this source, as plain values."""
        if self.figures is None:
            return {"duration_seconds": 1.0, "traffic": {"stages": [{"events_per_second": 1.0}]}}
        seconds = max(self.figures.length_us / self.speed / 1e6, 0.1)
        if seconds > MAX_SECONDS:
            raise wrong(
                f"source.speed: at {self.speed:g}x, the replay takes {seconds / 86_400:,.0f} days (maximum 30).",
                f"Increase it to at least {self.figures.length_us / 1e6 / MAX_SECONDS:,.4g}.",
            )
        part = seconds / len(self.figures.profile)
        rates = [min(max(count / part, 0.01), float(MAX_RATE)) for count in self.figures.profile]
        stages: list[dict[str, Any]] = [{"events_per_second": rate, "duration_seconds": part} for rate in rates]
        del stages[-1]["duration_seconds"]
        return {
            "duration_seconds": seconds,
            "traffic": {"stages": stages, "time_compression": max(self.speed, 1.0)},
        }
