"""Text that has to fit into a column."""

import re
from typing import Any

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and an ellipsis, in `longest` characters. For what no person has to correct."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def keepable(value: Any) -> Any:
    """The text, or the JSON, with U+FFFD in the place of what PostgreSQL can't keep: NUL and halves of surrogate pairs.
    For what has to be kept whatever was typed."""
    if isinstance(value, str):
        return _UNKEEPABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {keepable(key): keepable(one) for key, one in value.items()}
    return [keepable(one) for one in value] if isinstance(value, list | tuple) else value
