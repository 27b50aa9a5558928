"""Values that are nearly events, drawn from a seed: JSON's corners, and events with something wrong."""

import json
import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from spark_jobs.silver.events.rules import FREE_TEXT
from tests.spark_jobs.records import PURCHASE, value

# One of each: what RFC 8259 has, and what it is often taken to have.
JSON_VALUES = (
    *("null", "true", "false", "0", "-0", "0.0", "-1", "1e5", "1E+2", "1e-2", "123456789012345678901234567890"),
    *('""', '"a"', '"\\u0041"', '"\\n"', '"\\/"', '"\\ud83d\\ude00"', '"😀"', '"日本語"', '"\u202ex"', '"\u2028"'),
    *('"\\u0000"', '"\\\\u0000"', '"\\\\ud800"', '"\\\\\\\\"', '"\x7f"', '"\ufeff"', '"\ufffe"', '"\\ufffe"'),
    *("[]", "[ ]", "{}", "{ }", "[1]", "[1,2]", '{"a":1}', '{"":0}', "[[],[]]", '[{"a":[{"a":[]}]}]', '{"a":{"a":1}}'),
    *("1e400", "-1e400", "1e-400", "9007199254740993", "0.10000000000000000555111512312578", "100000000000000000e-15"),
)
NOT_JSON_VALUES = (
    *("nul", "NULL", "True", "tru", "truex", "undefined", "NaN", "-NaN", "Infinity", "-Infinity", "inf", "abc", "'a'"),
    *(
        "01",
        "-01",
        "1.",
        ".5",
        "-.5",
        "+1",
        "1e",
        "1e+",
        "1.e1",
        "0x1F",
        "1_000",
        "--1",
        "-",
        "1a",
        "2.e3",
        "1e5.5",
        "\u0661",
    ),
    *('"', '"a', '"\\x41"', '"\\u12"', '"\\u00g0"', '"\\U0041"', '"\\', '"a\nb"', '"a\tb"', '"\x00"', '"\x1f"', "“a”"),
    *("[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[,]", "[1}", "{", "}", '{"a"', '{"a":', '{"a":1', '{"a":1,}'),
    *("{a:1}", '{"a" 1}', '{"a":1 "b":2}', "{1:1}", '{"a":1,,"b":2}', '{,"a":1}', "{null:1}", '{"a":"b":"c"}', '{"a"}'),
    *("/**/1", "1//", "#", "\xa01", "\u20601", "\x0c1", "1\x0b", "1;", "1,", "", "\\u0031", '"a"b', '"a" "b"', "[1]]"),
)
DOUBTFUL_VALUES = (
    *('"\\ud800"', '"\\udc00"', '"\\udc00\\ud800"', '"a\\uD83Db"', '"\\ud83d\\u0041"', '"\\ud800\\ud800\\udc00"'),
    *('"\\\\\\ud800"', '{"\\ud800":1}', '[["\\udfff"]]', '{"a":1,"\\u0061":2}', '[{"b":{"a":1,"a":1}}]'),
    *('{"a":1,"a":2}', '{"a":{"a":1},"b":{"a":1}}', '{"A":1,"a":2}', '{"":1,"":2}', '{"é":1,"e\u0301":2}'),
)
SPACES = ("", " ", "\n", "\t \r\n", "  ")
TRICKS = (
    ']', '}', '],"length":1,"record":[', '},{', '}{', '}\n{', '],[', '}],"record":[{', ',"x":1', '"}', '}//', '\\', '"',
    ':', ',', '}]', '[', '{', '\x00', '\x1e', '\ufeff', '/**/', "'", '\\u', '\\ud800', '\\"', 'null', '0', 'e', '.',
)  # fmt: skip


class Corpus:
    """Values of one seed."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        makers: dict[Callable[[], bytes], int] = {
            self._changed_bytes: 25, self._two_spliced: 6, self._of_fields: 35, self._of_tricks: 8,
            self._of_texts: 8, self._bare: 5, self._repeated: 4, self._text: 8, self._large: 1,
        }  # fmt: skip
        self._makers, self._weights = list(makers), list(makers.values())

    def values(self, count: int) -> Iterator[bytes]:
        """So many values, most of them short."""
        for make in self._draw.choices(self._makers, self._weights, k=count):
            yield make()

    def _pick(self, *groups: tuple[str, ...]) -> str:
        return self._draw.choice(self._draw.choice(groups))

    def _event(self) -> dict[str, Any]:
        draw = self._draw
        event = {**PURCHASE, "event_id": str(uuid.UUID(int=draw.getrandbits(128)))}
        kind = draw.choice(("purchase", "purchase", "view", "search", "checkout", "refund"))
        event["event_type"] = kind
        if kind == "search":
            event["query"] = draw.choice(("red shoes", "", "rote Schuhe", "靴", '{"a": 1}', "123", "true", "[", "\t"))
        return event

    def _text(self) -> bytes:
        """A good event as some writer would write it."""
        event, draw = self._event(), self._draw
        names = list(event)
        draw.shuffle(names)
        style = draw.choice(((",", ":"), (", ", ": "), (" ,\n", "\t:\r")))
        return json.dumps({n: event[n] for n in names}, separators=style, ensure_ascii=draw.random() < 0.5).encode()

    def _changed_bytes(self) -> bytes:
        text, draw = bytearray(self._text()), self._draw
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            if not text:
                break
            at = draw.randrange(len(text))
            match draw.randrange(6):
                case 0:
                    del text[at]
                case 1:
                    text.insert(at, draw.randrange(256))
                case 2:
                    text[at] = draw.randrange(256)
                case 3:
                    text[at] ^= 1 << draw.randrange(8)
                case 4:
                    end = min(len(text), at + draw.randrange(1, 40))
                    text[at:at] = text[at:end]
                case _:
                    text = text[: at + 1]
        return bytes(text)

    def _two_spliced(self) -> bytes:
        one, other, draw = self._text(), self._text(), self._draw
        if draw.random() < 0.3:
            return one[: draw.randrange(len(one))] + other[draw.randrange(len(other)) :]
        return one + self._pick(TRICKS, SPACES).encode() + other

    def _of_fields(self) -> bytes:
        """An event with one or two fields, known or not, that are something else."""
        event, draw = self._event(), self._draw
        parts = {name: json.dumps(value) for name, value in event.items()}
        for _ in range(draw.choice((1, 1, 2))):
            name = draw.choice((*PURCHASE, "query", "note", "note", "price", "quantity", "category"))
            if name in ("price", "quantity") and draw.random() < 0.5:
                parts[name] = self._number()
            elif draw.random() < 0.1:
                parts.pop(name, None)
            else:
                parts[name] = self._pick(JSON_VALUES, JSON_VALUES, JSON_VALUES, NOT_JSON_VALUES, DOUBTFUL_VALUES)
        space = draw.choice(SPACES)
        return (space + "{" + ",".join(f'"{n}":{space}{v}' for n, v in parts.items()) + space + "}" + space).encode()

    def _number(self) -> str:
        draw = self._draw
        whole = draw.choice(("0", "1", "10000", "10001", "1000000", "999999", str(draw.randrange(10**9))))
        fraction = draw.choice(("", "", ".5", ".0", ".00", ".005", ".004999999999999999999", ".00000000000000000001"))
        fraction = draw.choice((fraction, f".{draw.randrange(10**17):017}", f".{'0' * 40}1", f".{'9' * 40}"))
        return draw.choice(("", "", "", "-")) + whole + fraction + draw.choice(("", "", "", "e0", "E1", "e-3", "e+30"))

    def _of_tricks(self) -> bytes:
        text, draw = self._text(), self._draw
        at = draw.choice((0, len(text), draw.randrange(len(text) + 1)))
        return text[:at] + self._pick(TRICKS).encode() + text[at:] * draw.choice((1, 1, 2))

    def _of_texts(self) -> bytes:
        """Texts in fields that people fill."""
        draw = self._draw
        letters = ("a", "é", "ш", "語", "😀", "\u202e", "\u200b", "\x00", "\n", " ", "\u3000", '"', "\\", "\ufffd")
        name = draw.choice((*FREE_TEXT, "user_id", "product_id", "currency", "event_time"))
        text = "".join(draw.choices(letters, k=draw.choice((0, 1, 2, 5))))
        if draw.random() < 0.1:
            text = draw.choice("aé語😀") * draw.choice((999, 1000, 1001))
        changed = {**self._event(), name: text}
        return json.dumps(changed, ensure_ascii=draw.random() < 0.5).encode()

    def _bare(self) -> bytes:
        """Values without an event, alone and one behind the other."""
        draw = self._draw
        texts = [
            draw.choice(SPACES) + self._pick(JSON_VALUES, NOT_JSON_VALUES, DOUBTFUL_VALUES) + draw.choice(SPACES)
            for _ in range(draw.choice((1, 1, 1, 2, 3)))
        ]
        prefix = draw.choice((b"", b"", b"", b"\xef\xbb\xbf", b"\x00", b"\x00\x00\x00\x00\x2a", b"\xff\xfe", b"\x01"))
        joined = draw.choice(("", ",", " ", "\n")).join(texts)
        return prefix + joined.encode(draw.choice(("utf-8", "utf-8", "utf-8", "utf-16-be")))

    def _repeated(self) -> bytes:
        """An event with a name twice, near or far, written in the same way or in another."""
        draw, event = self._draw, self._event()
        name = draw.choice((*event, "note"))
        other = name if draw.random() < 0.5 else "".join(f"\\u{ord(one):04x}" for one in name)
        again = f'"{other}":{self._pick(JSON_VALUES)}'
        text = json.dumps(event)
        if draw.random() < 0.3:
            return f'{text[:-1]},"x":[{{{again},{again}}}]}}'.encode()
        return (f"{text[:-1]},{again}}}" if draw.random() < 0.5 else f"{{{again},{text[1:]}").encode()

    def _large(self) -> bytes:
        """Around the limits: levels, digits, lengths."""
        draw = self._draw
        by = draw.choice((-2, -1, 0, 1, 2, 1500))
        match draw.choices(range(6), (8, 8, 4, 4, 1, 4))[0]:
            case 0:
                opens, closes = draw.choice((("[", "]"), ('{"a":', "}")))
                deep = opens * (999 + by) + "1" + closes * (999 + by - draw.choice((0, 0, 0, 1)))
            case 1:
                deep = draw.choice(("", "-", "0.", "1e", "1.5e-")) + "9" * (1000 + by)
            case 2:
                deep = json.dumps("x" * (1000 + by))
            case 3:
                deep = "[" + ",".join(["{}"] * (1000 + by)) + draw.choice(("]", "", "]]"))
            case 4:
                deep = '{"' + draw.choice(("x", "😀", "\\u0061")) * (draw.choice((24_999, 49_999)) + by) + '":1}'
            case _:
                deep = '"' + "\\\\" * (3000 + by) + draw.choice(("", "\\ud800", "\\ud83d\\ude00")) + '"'
        if draw.random() < 0.2:
            return deep.encode()
        return value(event_id=str(uuid.UUID(int=draw.getrandbits(128))), note=0).replace(
            b'"note": 0', b'"note": ' + deep.encode()
        )
