"""YAML and JSON text as plain values, within bounds: the work is linear in the length of the text.

The parser is libyaml. A pass over its events checks every bound before any value is built, so a rejected text costs no
more than an accepted one.
"""

import json
import re
from typing import Any

import yaml

MAX_BYTES = 256 * 1024
MAX_NODES = 10_000
MAX_DEPTH = 20
# The longest list of a valid document has 250 countries.
MAX_ENTRIES = 250
MAX_KEY = 200
MAX_SCALAR = 8192
# A double has 17 significant digits. Converting a number with many digits takes quadratic time.
MAX_NUMBER = 40


class OutOfBoundsError(Exception):
    """The text exceeds a bound: `where` in the text, the value and the bound in `message`, and a `remedy`."""

    def __init__(self, where: str, message: str, remedy: str) -> None:
        super().__init__(f"{where}: {message} {remedy}")
        self.where = where
        self.message = message
        self.remedy = remedy


class _PlainLoader(yaml.CSafeLoader):
    """Rejects duplicate keys, because one of the values would be lost, and numbers with too many digits."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value!r}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def number_of(self, node: Any) -> int | float:
        """The number of a scalar."""
        if len(node.value) > MAX_NUMBER:
            raise OutOfBoundsError(
                _where(node.start_mark),
                f"The number has {len(node.value):,} characters; the maximum is {MAX_NUMBER}.",
                "Shorten it, or quote it if it is text.",
            )
        whole = node.tag == "tag:yaml.org,2002:int"
        try:
            found: int | float = self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)
        except ValueError:
            raise yaml.constructor.ConstructorError(
                None, None, f"invalid number {node.value!r}", node.start_mark
            ) from None
        return found


# YAML 1.1 requires a dot in a float. JSON and YAML 1.2 do not: 1e-05.
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"\A[-+]?[0-9]+[eE][-+]?[0-9]+\Z"), [*"-+0123456789"]
)
_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.number_of)
_PlainLoader.add_constructor("tag:yaml.org,2002:float", _PlainLoader.number_of)


# JSON allows these characters within a string. YAML treats them as line breaks or rejects them.
_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}


def json_text(values: Any) -> str:
    """JSON that `load` reads as the same values. Numbers may have any size; a non-finite number becomes a string."""
    return json.dumps(values, ensure_ascii=False).translate(_ESCAPED)


class _Dumper(yaml.SafeDumper):
    """Double-quotes text with a character that YAML would treat as a line break, so that it can be escaped."""

    def text(self, value: str) -> yaml.ScalarNode:
        style = '"' if any(ord(letter) in _ESCAPED for letter in value) else None
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _Dumper.text)


def yaml_text(values: Any) -> str:
    """YAML that `load` reads as the same values."""
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return text


def load(raw: bytes) -> Any:
    """The plain values of a text.

    Raises:
        OutOfBoundsError: the text exceeds a bound.
        yaml.YAMLError, UnicodeDecodeError, ValueError: it is not YAML.
        ArithmeticError, AttributeError, LookupError, TypeError: a value does not fit its tag.
    """
    if len(raw) > MAX_BYTES:
        raise OutOfBoundsError("", f"The document has {len(raw):,} bytes; the maximum is {MAX_BYTES:,}.", "Shorten it.")
    _check(raw)
    return yaml.load(raw, Loader=_PlainLoader)  # noqa: S506 - derives from CSafeLoader


def _check(raw: bytes) -> None:
    """Every bound, on the parser's events."""
    nodes = 0
    # How many nodes each open collection has so far, and whether it is a mapping, with keys and values in turn.
    counts: list[int] = []
    mappings: list[bool] = []
    for event in yaml.parse(raw, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _too_many(event, "YAML aliases (*name) are not supported.", "Write out the value.")
        if isinstance(event, yaml.CollectionEndEvent):
            counts.pop()
            mappings.pop()
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        if nodes > MAX_NODES:
            raise _too_many(event, f"The document has more than {MAX_NODES:,} values.", "Shorten its lists.")
        is_key = False
        if counts:
            counts[-1] += 1
            is_key = mappings[-1] and counts[-1] % 2 == 1
            entries = (counts[-1] + 1) // 2 if mappings[-1] else counts[-1]
            if entries > MAX_ENTRIES:
                kind = "mapping has more than {:,} keys" if mappings[-1] else "list has more than {:,} entries"
                raise _too_many(event, f"The {kind.format(MAX_ENTRIES)}.", "Shorten it.")
        if isinstance(event, yaml.CollectionStartEvent):
            counts.append(0)
            mappings.append(isinstance(event, yaml.MappingStartEvent))
            if len(counts) > MAX_DEPTH:
                raise _too_many(
                    event, f"The document is nested more than {MAX_DEPTH} levels deep.", "Reduce the nesting."
                )
        elif isinstance(event, yaml.ScalarEvent):
            most = MAX_KEY if is_key else MAX_SCALAR
            if len(event.value) > most:
                kind = "key" if is_key else "text"
                raise _too_many(
                    event, f"The {kind} has {len(event.value):,} characters; the maximum is {most:,}.", "Shorten it."
                )


def _too_many(event: Any, message: str, remedy: str) -> OutOfBoundsError:
    return OutOfBoundsError(_where(event.start_mark), message, remedy)


def _where(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"
