"""Odd names, contents and results of validation documents."""

import gzip
from typing import Any

from tests.quality.validations import content, expectation

# Bytes of a name that are no UTF-8, characters that escapes are made of, and what no shell likes.
NAMES = (
    *(b"\xff.json", b"a\xc3.json", b"\\xff.json", b"\\\\.json", b"a\nb.json", "\u202e\u65e5.json".encode(), b" .json"),
    *(b"-.json", b"%2e%2e.json", b"\xed\xa0\x80.json", b"..json", b"'\".json", b"a.json.gz", b"x" * 250 + b".json"),
)

# Results as other versions and other writers say them; each is shown, by itself.
RESULTS: tuple[Any, ...] = (
    expectation(observed=float("inf")), expectation(observed=float("nan")), expectation(observed=[-float("inf")]),
    expectation(observed=2**63), expectation(observed=2**53 + 1), expectation(observed=10**999),
    expectation(observed=[[[[]]]]), expectation(observed={"a": {"b": [1, None]}}), expectation(success=None),
    expectation(title="a\x00b"), expectation(title="\ud800"), expectation(title=None), expectation(title=["x"]),
    expectation(kwargs={"items": "x", "keys": 1, "0": None}), expectation(kwargs=None), expectation(kwargs=[]),
    expectation(unexpected_sample=None), expectation(unexpected_sample="x"), expectation(unexpected_count="many"),
    expectation(unexpected_count=float("nan")), expectation(unexpected_percent=float("inf")),
    expectation(severity="mild"), expectation(exception_info={"raised_exception": True, "exception_message": "boom"}),
    expectation(meta={}), expectation(problem="mine"), None, 7, "text", [], {}, {"success": "yes"},
    {"success": False, "expectation_config": {"type": "expect_x", "kwargs": {"column": "c"}},
     "result": {"observed_value": 3, "partial_unexpected_list": [1]}},
    {"success": None, "expectation_config": {"expectation_type": "expect_x", "kwargs": None}, "result": None,
     "exception_info": {"m": {"raised_exception": True, "exception_message": "bang"}}},
    {"success": True, "expectation_config": None, "result": 5},
)  # fmt: skip

# Files that are no documents.
UNREADABLE: tuple[bytes, ...] = (
    b"", b" ", b'{"validation_id": "1', b"\xff\xfe", b"[1, 2]", b"null", b"7", b'"text"', b"[" * 200_000,
    b'{"a":' * 200_000, b"1" * 5_000, b'{"snapshot_id": ' + b"1" * 5_000 + b"}", b"\xef\xbb\xbf{", b"\x00" * 100,
    gzip.compress(content())[:-20], b"\x1f\x8b", gzip.compress(b"0" * (16 << 20) + b"0"),
)  # fmt: skip
