"""Text that has to fit into a column."""


def shortened(text: str, longest: int) -> str:
    """The text, or its beginning and an ellipsis, in `longest` characters. For what no person has to correct."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
