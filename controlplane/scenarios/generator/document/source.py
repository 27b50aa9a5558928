"""Where events come from when they are not made up: a recording, its columns, and how fast it is played."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from controlplane.scenarios.generator import problems
from controlplane.scenarios.generator.document.base import KEPT, MAX_RATE, MAX_SECONDS, Line, Part, either, wrong
from controlplane.scenarios.generator.events import CURRENCIES, EVENT_TYPES

Column = Annotated[str, Field(min_length=1, max_length=200, pattern=KEPT)]
EventType = Annotated[str, Field(json_schema_extra={"enum": list(EVENT_TYPES)})]
# A recording's rhythm is described by so many counts, one for each equal part of its time.
PROFILE_PARTS = 48


class Columns(Part):
    """Which column of a recording holds which field of an event. What no column holds is derived."""

    event_time: Column
    event_type: Column
    user_id: Column
    session_id: Column | None = None
    product_id: Column | None = None
    category: Column | None = None
    category_else: Column | None = Field(default=None, description="Where the column of the category is empty.")
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
            description="The recording's words for event types, and ours; our own need no entry.",
        )
    )
    default_currency: str | None = Field(
        default=None, json_schema_extra={"enum": [*CURRENCIES, None]}, description="Where no column says one."
    )
    leave_out: bool = Field(
        default=False, description="Leave out, and count, rows that no event can be made of, instead of refusing all."
    )

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
            raise wrong(f"{currency!r} is no currency that silver knows.", f"Use one of {', '.join(CURRENCIES)}.")
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
    # Our own events, as they lie on the topic.
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
    """What is known of the recording; filled in when a document is read, whatever it says itself."""

    rows: Annotated[int, Field(ge=1)]
    length_us: Annotated[int, Field(ge=0)] = Field(description="Microseconds from the first event to the last.")
    types: dict[str, int]
    profile: Annotated[list[int], Field(min_length=1, max_length=100)] = Field(
        description="How many events lie in each equal part of its time."
    )


class Source(Part):
    """A recording instead of made-up sessions. It decides what is sent and, with the speed, when."""

    model_config = ConfigDict(json_schema_extra=either("mapping", "columns"))

    recording: Annotated[str, Field(min_length=1, max_length=4096, pattern=KEPT)] = Field(
        description="The SHA-256 of the file; on the command line also its path."
    )
    mapping: str | None = Field(default=None, json_schema_extra={"enum": [*READY, None]})
    columns: Columns | None = Field(default=None, description="A mapping of one's own, instead of a ready one.")
    speed: Annotated[float, Field(ge=0.01, le=100_000)] = Field(
        default=1.0, description="Seconds of the recording a second of sending."
    )
    name: Line | None = Field(default=None, description="The file's name, for people.")
    figures: Figures | None = None

    @field_validator("mapping")
    @classmethod
    def _known_mapping(cls, mapping: str | None) -> str | None:
        return None if mapping is None else problems.known(mapping, READY)

    @model_validator(mode="after")
    def _one_mapping(self) -> Self:
        if (self.mapping is None) == (self.columns is None):
            raise wrong(
                "a source has either mapping or columns.", f"Write mapping: {' or '.join(READY)}, or your own columns."
            )
        return self

    @property
    def chosen(self) -> Columns:
        """The columns in force."""
        return self.columns if self.columns is not None else READY[self.mapping or ""]

    def drawn(self) -> dict[str, Any]:
        """The duration and the traffic of a scenario with this source, as plain values."""
        if self.figures is None:
            return {"duration_seconds": 1.0, "traffic": {"stages": [{"events_per_second": 1.0}]}}
        seconds = max(self.figures.length_us / self.speed / 1e6, 0.1)
        if seconds > MAX_SECONDS:
            raise wrong(
                f"source.speed: at {self.speed:g} the recording takes {seconds / 86_400:,.0f} days.",
                f"Raise it to {self.figures.length_us / 1e6 / MAX_SECONDS:,.4g} or more: 30 days at most.",
            )
        part = seconds / len(self.figures.profile)
        rates = [min(max(count / part, 0.01), float(MAX_RATE)) for count in self.figures.profile]
        stages: list[dict[str, Any]] = [{"events_per_second": rate, "duration_seconds": part} for rate in rates]
        del stages[-1]["duration_seconds"]
        return {
            "duration_seconds": seconds,
            "traffic": {"stages": stages, "time_compression": max(self.speed, 1.0)},
        }
