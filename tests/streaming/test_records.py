"""Records as the page and the API show them: times of any kind, headers in their order, no address from outside."""

import json
import random
import uuid

import pytest

from controlplane.accounts.models import User
from controlplane.streaming.adapters.null import NullEventTopic
from controlplane.streaming.ports import SHOWN_HEADER_VALUE, SHOWN_HEADERS, SHOWN_NAME, SHOWN_VALUE
from controlplane.streaming.presenters import run_url
from spark_jobs.bronze.events.calendar import FIRST, LAST, time_of
from tests.adapters import Adapters
from tests.labels import Stream
from tests.pages import Visitor

RUN = "1f0b7c1e-0000-4000-8000-000000000001"
SEED = 20261129
DRAW = random.Random(SEED)
TIMESTAMPS = [
    -(2**63), 2**63 - 1, -9 * 10**18, -(10**14), -(10**12), -2, -1, 0, 1, FIRST, LAST, LAST + 1, 10**14, 10**15, 10**18,
    *(DRAW.randint(-(2**63), 2**63 - 1) >> DRAW.randint(0, 62) for _ in range(40)),
]  # fmt: skip


@pytest.fixture
def topic(adapters: Adapters) -> NullEventTopic:
    found = NullEventTopic()
    found.ensure(1)
    adapters.use(event_topic=found)
    return found


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_no_timestamp_breaks_the_page_or_the_api(
    zone: str, topic: NullEventTopic, viewer: Visitor, viewer_user: User
) -> None:
    User.objects.filter(pk=viewer_user.pk).update(time_zone=zone)
    for timestamp in TIMESTAMPS:
        topic.append(0, b"{}", timestamp=timestamp)
    page = viewer.get("/stream/records/")
    assert page.status_code == 200
    answer = viewer.get("/api/v1/stream/records?limit=100")
    assert answer.status_code == 200
    items = {item["offset"]: item for item in answer.json()["items"]}
    for offset, timestamp in enumerate(TIMESTAMPS):
        item = items[offset]
        assert item["timestamp"] == timestamp
        assert (item["at"] is None) == (time_of(timestamp) is None) == (not FIRST <= timestamp <= LAST)


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        (-1, Stream.NO_TIME),
        (-(10**14), "out of range: -100000000000000 ms"),
        (LAST + 1, f"out of range: {LAST + 1} ms"),
    ],
)
def test_a_record_without_a_time_says_why(timestamp: int, shown: str, topic: NullEventTopic, viewer: Visitor) -> None:
    topic.append(0, b"{}", timestamp=timestamp)
    (arrived,) = viewer.page("/stream/records/").table().column(Stream.TIMESTAMP)
    assert arrived.endswith(shown)


def test_headers_are_all_shown_in_their_order(topic: NullEventTopic, viewer: Visitor) -> None:
    headers: tuple[tuple[str, bytes | None], ...] = (
        ("trace", b"1"), ("trace", b"\xff\x00"), ("n", None), ("empty", b""), ("trace", "é<b>".encode()), ("", b"x"),
    )  # fmt: skip
    topic.append(0, b"{}", headers=headers)
    [record] = viewer.get("/api/v1/stream/records").json()["items"]
    assert record["headers"] == [
        {"name": "trace", "text": "1", "hex": None},
        {"name": "trace", "text": None, "hex": "ff00"},
        {"name": "n", "text": None, "hex": None},
        {"name": "empty", "text": "", "hex": None},
        {"name": "trace", "text": "é<b>", "hex": None},
        {"name": "", "text": "x", "hex": None},
    ]
    (shown,) = viewer.page("/stream/records/").table().column(Stream.HEADERS)
    known = ("trace", "1", "ff00", "n", "null", "empty", "é<b>", "x")
    assert [word for word in shown.split() if word in known] == [
        "trace", "1", "trace", "ff00", "n", "null", "empty", "trace", "é<b>", "x",
    ]  # fmt: skip


def test_a_record_with_very_many_or_large_headers_is_bounded(topic: NullEventTopic, viewer: Visitor) -> None:
    many: tuple[tuple[str, bytes | None], ...] = tuple((f"h{number}", b"x") for number in range(5000))
    large = (("n" * 100_000, "é".encode() * 100_000), ("after", b"\xff" * 100_000), *[("more", b"y" * 1000)] * 20)
    topic.append(0, "é".encode() * 100_000, headers=many)
    topic.append(0, b"{}", headers=large)
    answer = viewer.get("/api/v1/stream/records")
    assert len(answer.content) < 100_000
    items = {item["offset"]: item for item in answer.json()["items"]}
    assert [header["name"] for header in items[0]["headers"]] == [f"h{number}" for number in range(SHOWN_HEADERS)]
    assert (items[0]["header_count"], items[0]["header_size"]) == (5000, sum(len(name) + 1 for name, _ in many))
    # What is cut from a text is a text.
    assert items[0]["value"] == "é" * (SHOWN_VALUE // 2)
    first, second, *rest = items[1]["headers"]
    assert first == {"name": "n" * SHOWN_NAME, "text": "é" * (SHOWN_HEADER_VALUE // 2), "hex": None}
    assert second == {"name": "after", "text": None, "hex": "ff" * SHOWN_HEADER_VALUE}
    assert 0 < len(rest) < 20
    assert (items[1]["header_count"], items[1]["header_size"]) == (22, 420_085)
    page = viewer.page("/stream/records/")
    assert len(page.html) < 100_000
    counts = page.table().column(Stream.HEADERS)
    assert sorted(count.split()[0] for count in counts) == ["22", "5,000"]
    assert f"{5000 - SHOWN_HEADERS:,} more" in page.text


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\x00", "\x1b", "\x85", "\ufeff", "\U000e0041"])
def test_a_character_without_ink_is_shown_as_an_escape(hidden: str, topic: NullEventTopic, viewer: Visitor) -> None:
    text = f"a{hidden}b\nc"
    topic.append(0, text.encode(), headers=((text, text.encode()), ("scenario-run", f"{hidden}run".encode())))
    page = viewer.page("/stream/records/")
    assert hidden not in page.html
    escape = hidden.encode("unicode_escape").decode()
    # In short on one line, and below it whole, on two.
    (value,) = page.table().column(Stream.VALUE)
    assert value.startswith(f"a{escape}b\\nc a{escape}b c ")
    assert f"a{escape}b\nc" in page.html
    assert page.text.count(f"a{escape}b\\nc") >= 3
    [record] = viewer.get("/api/v1/stream/records").json()["items"]
    assert record["value"] == text


def test_a_record_behind_an_open_transaction_says_so(topic: NullEventTopic, viewer: Visitor) -> None:
    topic.append(0, b"read")
    topic.hold(0)
    topic.append(0, b"waits")
    places = viewer.page("/stream/records/").table().column(Stream.OFFSET)
    assert {place.partition(" ")[0]: place.partition(" ")[2] for place in places} == {
        "0:0": "",
        "0:1": Stream.NOT_COMMITTED,
    }
    items = viewer.get("/api/v1/stream/records").json()["items"]
    assert {item["value"]: item["is_committed"] for item in items} == {"read": True, "waits": False}


NOT_A_RUN = [
    "../../sign-out", "..", ".", "/", "//evil.example", "javascript:alert(1)", "https://evil.example/", RUN + "/..",
    RUN + "/", " " + RUN, RUN + "\n", RUN.upper(), "{" + RUN + "}", "urn:uuid:" + RUN, RUN.replace("-", ""), "%2e%2e",
    RUN[:-1], RUN + "0", "\u0661" + RUN[1:], "", "?next=/", "#", "\\..\\", "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_A_RUN, ids=lambda text: json.dumps(text)[:40])
def test_only_the_id_of_a_run_becomes_an_address(text: str, topic: NullEventTopic, viewer: Visitor) -> None:
    assert run_url(text) == ""
    topic.append(0, b"{}", headers=(("scenario-run", text.encode()),))
    assert "href=" not in viewer.fragment("/stream/records/").html


def test_the_id_of_a_run_does(topic: NullEventTopic, viewer: Visitor) -> None:
    for run in (RUN, *(str(uuid.UUID(int=DRAW.getrandbits(128))) for _ in range(20))):
        assert run_url(run) == f"/scenarios/runs/{run}/"
    topic.append(0, b"{}", headers=(("scenario-run", RUN.encode()), ("scenario-run", b"../..")))
    assert f"/scenarios/runs/{RUN}/" in viewer.page("/stream/records/").links.values()
