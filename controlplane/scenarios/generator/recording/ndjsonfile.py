"""NDJSON: one JSON object per line (RFC 8259). Only the members that a mapping names must be valid.

orjson parses the lines. Lines that it rejects or does not preserve (deep nesting, lone surrogates, numbers over 64
bits, NaN, duplicate names) are split into their members here, at any depth.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from controlplane.scenarios.generator.recording.batch import ROWS, Batch, text_batch
from controlplane.scenarios.generator.recording.errors import columns_missing
from controlplane.scenarios.generator.recording.findings import Findings
from controlplane.scenarios.generator.recording.lines import text_lines

# Integers up to here are exact as doubles.
_EXACT = float(1 << 53)
_LINES = 50
# A token and the whitespace after it. Leading whitespace would make the search quadratic.
_TOKEN = re.compile(
    r"""(?:
        (?P<mark>[{}\[\]:,])
        |(?P<string>"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+")
        |(?P<plain>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null|NaN|-?Infinity)
        (?![0-9A-Za-z_.+-])
    )[ \t\r\n]*+""",
    re.VERBOSE,
)
_CLOSES = {"}": "{", "]": "["}
_ONE_A_LINE = "Write one object per line (NDJSON), for example with jq -c ."


class _NotAnObjectError(Exception):
    """The line is not a JSON object. The text of the error is the reason, if known."""


def ndjson_batches(path: Path, wanted: Sequence[str], needed: Sequence[str], findings: Findings) -> Iterator[Batch]:
    """The wanted members as text. Blank lines are skipped but counted in the numbers.

    Raises:
        RecordingError: the first object lacks a required member, or a line is too long.
    """
    reader = _Reader(wanted, findings)
    numbers: list[int] = []
    rows: list[list[str | None]] = []
    any_object = False
    for number, line in enumerate(text_lines(path), 1):
        if line.isspace():
            continue
        event = reader.members(line, number)
        if event is not None:
            missing = [] if any_object else [name for name in needed if name not in event]
            if missing:
                raise columns_missing(missing, list(event), row=number)
            any_object = True
            row = [value if value.__class__ is str else _text(value) for value in map(event.get, wanted)]
            if _NESTED not in row or not _is_nested(row, wanted, number, findings):
                numbers.append(number)
                rows.append(row)
                if len(numbers) == ROWS:
                    yield _batch(numbers, rows, wanted, findings)
                    numbers, rows = [], []
                continue
        if findings.enough:
            break
    yield _batch(numbers, rows, wanted, findings)


def _batch(numbers: list[int], rows: list[list[str | None]], wanted: Sequence[str], findings: Findings) -> Batch:
    return text_batch(numbers, {name: [row[at] for row in rows] for at, name in enumerate(wanted)}, findings)


def _is_nested(row: list[str | None], wanted: Sequence[str], number: int, findings: Findings) -> bool:
    nested = [name for name, text in zip(wanted, row, strict=True) if text is _NESTED]
    for name in nested:
        findings.add(
            "nested", "the value is an array or object.", "Map a column of scalar values.", rows=[number], column=name
        )  # fmt: skip
    return bool(nested)


def ndjson_begins(path: Path, count: int) -> tuple[list[str], list[list[str | None]]]:
    """(names of the first objects, their values as text).

    Raises:
        RecordingError: none of the first lines is an object.
    """
    findings = Findings()
    events = []
    for number, line in enumerate(islice(text_lines(path), _LINES), 1):
        if not line.isspace():
            try:
                events.append(dict(_split(line)))
            except _NotAnObjectError as error:
                _report(error, line, number, findings)
    if not events:
        findings.end()
    columns = list(dict.fromkeys(name for event in events for name in event))
    return columns, [[_shown(event.get(name)) for name in columns] for event in events[:count]]


class _Raw(str):
    """The source text of a JSON value."""

    __slots__ = ()


# Placeholder of an array or an object.
_NESTED = _Raw("{}")


class _Reader:
    """Reads lines with the wanted members."""

    def __init__(self, wanted: Sequence[str], findings: Findings) -> None:
        self._wanted, self._findings = wanted, findings
        self._quoted = [json.dumps(name, ensure_ascii=False) for name in wanted]

    def members(self, line: str, number: int) -> dict[str, Any] | None:
        """The members of the line's object; None if it was reported as invalid."""
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            return self._split(line, number)
        if not isinstance(event, dict):
            _report(_NotAnObjectError(), line, number, self._findings)
            return None
        # Names may contain escapes.
        if "\\u" in line or "\\/" in line:
            return self._split(line, number)
        for name in self._quoted:
            if line.count(name) > 1:
                return self._split(line, number)
        for value in event.values():
            if value.__class__ is float and not -_EXACT < value < _EXACT:
                return self._split(line, number)
        return event

    def _split(self, line: str, number: int) -> dict[str, Any] | None:
        try:
            found = _split(line)
        except _NotAnObjectError as error:
            _report(error, line, number, self._findings)
            return None
        event = dict(found)
        if len(event) < len(found):
            names = [name for name, _ in found]
            twice = [name for name in self._wanted if names.count(name) > 1]
            for name in twice:
                self._findings.add("twice", "duplicate name.", "Keep one of the two.", rows=[number], column=name)
            if twice:
                return None
        return event


def _split(line: str) -> list[tuple[str, _Raw]]:
    """The members of an object with the source text of their values.

    Raises:
        _NotAnObjectError: the line is not an object.
    """
    found: list[tuple[str, _Raw]] = []
    open_: list[str] = []
    at = len(line) - len(line.lstrip(" \t\r\n"))
    name, begins, ends, state = "", 0, 0, "value"
    while state != "end":
        token = _TOKEN.match(line, at)
        if token is None:
            if rest := line[at:]:
                raise _NotAnObjectError(f"unexpected {rest[:30]!r} at character {at + 1}")
            raise _NotAnObjectError("the object does not end on this line")
        at, kind = token.end(), token.lastgroup or ""
        text, ends = token[kind], token.end(kind)
        if state in ("value", "item or end") and (kind != "mark" or text in "{["):
            if len(open_) == 1:
                begins = token.start(kind)
            if not open_ and text != "{":
                raise _NotAnObjectError
            if kind == "mark":
                open_.append(text)
                state = "name or end" if text == "{" else "item or end"
                continue
        elif kind == "string" and state in ("name", "name or end"):
            if len(open_) == 1:
                name = json.loads(text)
            state = "colon"
            continue
        elif text == ":" and state == "colon":
            state = "value"
            continue
        elif text == "," and state == "comma or end":
            state = "name" if open_[-1] == "{" else "value"
            continue
        elif (
            kind == "mark" and open_ and _CLOSES.get(text) == open_[-1]
            and state in ("comma or end", "name or end" if text == "}" else "item or end")
        ):  # fmt: skip
            open_.pop()
        else:
            raise _NotAnObjectError(f"unexpected {text[:30]!r} at character {token.start(kind) + 1}")
        # A value has ended.
        if len(open_) == 1:
            found.append((name, _Raw(line[begins:ends])))
        state = "comma or end" if open_ else "end"
    if rest := line[at:].rstrip(" \t\r\n"):
        raise _NotAnObjectError(f"unexpected {rest[:30]!r} after the object")
    return found


def _report(error: _NotAnObjectError, line: str, number: int, findings: Findings) -> None:
    cut = "" if line.endswith(("\n", "\r")) else " The file ends within this line and may be truncated."
    why = f": {error}" if str(error) else ""
    findings.add("json", f"invalid JSON object{why}.{cut}", _ONE_A_LINE, rows=[number])


def _text(value: Any) -> str | None:
    """A value as text; `_NESTED` for an array or an object."""
    if value.__class__ is _Raw:
        return _raw_text(value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else _NESTED


def _raw_text(raw: str) -> str | None:
    if raw[0] in "{[":
        return _NESTED
    if raw[0] == '"':
        text: str = json.loads(raw, strict=False)
        return text
    # pandas writes NaN for a missing value.
    return None if raw in ("null", "NaN") else str(raw)


def _shown(raw: str | None) -> str | None:
    """A value for display: an array or an object as JSON."""
    if raw is None:
        return None
    text = _raw_text(raw)
    if text is not _NESTED:
        return text
    # Without whitespace, shortened.
    return "".join(token[token.lastgroup or ""] for token in islice(_TOKEN.finditer(raw), 200))
