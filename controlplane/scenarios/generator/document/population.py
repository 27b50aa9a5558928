"""Users and catalog: who generates the events, and for which products."""

from collections import Counter
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from controlplane.scenarios.generator.document.base import Part, Share, Weight, Word, wrong
from controlplane.scenarios.generator.document.window import Window
from controlplane.scenarios.generator.events import CURRENCIES


class Category(Part):
    """A product category. Prices are log-normal around a median."""

    name: Word
    median_price: Annotated[float, Field(ge=0.5, le=10_000)]
    # Standard deviation of the price's natural logarithm.
    spread: Annotated[float, Field(ge=0, le=2)] = 0.5
    weight: Weight = 1.0


class Country(Part):
    """A country of users and its currency."""

    code: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    currency: str = Field(json_schema_extra={"enum": list(CURRENCIES)})
    weight: Weight = 1.0

    @field_validator("currency")
    @classmethod
    def _known(cls, currency: str) -> str:
        if currency not in CURRENCIES:
            raise wrong(f"Unknown currency {currency!r}.", f"Allowed: {', '.join(CURRENCIES)}.")
        return currency


class HotProduct(Window):
    """One product with a high share of the views, as in a flash sale."""

    share: Share = Field(default=0.3, description="Share of all product views that go to this product.")
    discount: Annotated[float, Field(ge=0, le=0.95)] = Field(
        default=0.0, description="Discount on its price during the window."
    )


CATEGORIES = [
    Category(name=name, median_price=price, spread=spread, weight=weight)
    for name, price, spread, weight in (
        ("shoes", 79, 0.45, 1.4), ("dresses", 59, 0.5, 1.2), ("jackets", 119, 0.5, 0.8), ("bags", 89, 0.7, 0.7),
        ("phones", 549, 0.5, 0.9), ("headphones", 99, 0.7, 0.9), ("books", 17, 0.4, 1.5), ("kitchen", 39, 0.7, 1.0),
        ("toys", 24, 0.5, 0.9), ("sports", 45, 0.6, 0.8),
    )
]  # fmt: skip
COUNTRIES = [
    Country(code=code, currency=currency, weight=weight)
    for code, currency, weight in (
        ("DE", "EUR", 24), ("FR", "EUR", 16), ("ES", "EUR", 10), ("IT", "EUR", 9), ("NL", "EUR", 6),
        ("GB", "GBP", 15), ("US", "USD", 12), ("PL", "PLN", 4), ("SE", "SEK", 2), ("CH", "CHF", 2),
    )
]  # fmt: skip


class Population(Part):
    """The users, their countries and devices, and the products with their categories."""

    users: Annotated[int, Field(ge=1, le=5_000_000)] = 20_000
    products: Annotated[int, Field(ge=1, le=200_000)] = 2_000
    # Zipf exponent over the products: 0 is uniform; higher values concentrate the views on fewer products.
    popularity: Annotated[float, Field(ge=0, le=3)] = 1.0
    categories: Annotated[list[Category], Field(min_length=1, max_length=200)] = CATEGORIES
    countries: Annotated[list[Country], Field(min_length=1, max_length=250)] = COUNTRIES
    devices: Annotated[dict[Word, Weight], Field(min_length=1, max_length=20)] = {
        "mobile": 6.0, "desktop": 3.0, "tablet": 1.0,
    }  # fmt: skip
    hot_product: HotProduct | None = None

    @model_validator(mode="after")
    def _unlike(self) -> Self:
        for what, where, names in (
            ("category", "categories", [c.name for c in self.categories]),
            ("country", "countries", [c.code for c in self.countries]),
        ):
            twice = sorted(name for name, times in Counter(names).items() if times > 1)
            if twice:
                raise wrong(f"Duplicate {what} {twice[0]}.", "Keep one of them.", where)
        return self
