"""Table names in URLs of pages and operations; see `controlplane.table_names` for their encoding."""

from typing import Annotated

from pydantic import AfterValidator, Field

from controlplane.table_names import from_segment, to_segment
from controlplane.web.api_input import Text


class NameConverter:
    """A name in the URL of a page."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """The name that a segment of an address stands for; `ValueError` if it stands for none."""
        return from_segment(value)

    def to_url(self, value: str) -> str:
        """The segment of an address for a name."""
        return to_segment(value)


# A name in the URL of an operation.
Name = Annotated[
    Text,
    AfterValidator(from_segment),
    Field(description="`~` and two hexadecimal digits encode a byte in UTF-8: `a~2Fb` is the name a/b."),
]
