"""Records as the page and the API show them: times of any kind, headers in their order, no address from outside."""

import json
import random
import uuid

import pytest
from django.test import Client

from controlplane.accounts.roles import Role
from controlplane.streaming.adapters.null import NullEventTopic
from controlplane.streaming.presenters import run_url
from spark_jobs.bronze.events.calendar import FIRST, LAST, time_of
from tests.adapters import Adapters
from tests.people import person

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


@pytest.fixture
def viewer(db: None) -> Client:
    client = Client()
    client.force_login(person(Role.VIEWER))
    return client


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_no_timestamp_breaks_the_page_or_the_api(zone: str, topic: NullEventTopic, viewer: Client) -> None:
    user = viewer.get("/api/v1/me").json()["username"]
    from controlplane.accounts.models import User

    User.objects.filter(username=user).update(time_zone=zone)
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
    [(-1, "no time"), (-(10**14), "outside the calendar: -100000000000000 ms"), (LAST + 1, "outside the calendar")],
)
def test_a_record_without_a_time_says_why(timestamp: int, shown: str, topic: NullEventTopic, viewer: Client) -> None:
    topic.append(0, b"{}", timestamp=timestamp)
    assert shown in viewer.get("/stream/records/").content.decode()


def test_headers_are_all_shown_in_their_order(topic: NullEventTopic, viewer: Client) -> None:
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
    page = viewer.get("/stream/records/").content.decode()
    places = [page.index(text) for text in (">trace<", "ff00", ">null<", "é&lt;b&gt;")]
    assert places == sorted(places)


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\x00", "\x1b", "\x85", "\ufeff", "\U000e0041"])
def test_a_character_without_ink_is_shown_as_an_escape(hidden: str, topic: NullEventTopic, viewer: Client) -> None:
    text = f"a{hidden}b\nc"
    topic.append(0, text.encode(), headers=((text, text.encode()), ("scenario-run", f"{hidden}run".encode())))
    page = viewer.get("/stream/records/").content.decode()
    assert hidden not in page
    escape = hidden.encode("unicode_escape").decode()
    assert f'<pre class="mt-2 mb-0 text-wrap">a{escape}b\nc</pre>' in page
    assert page.count(f"a{escape}b\\nc") >= 3
    [record] = viewer.get("/api/v1/stream/records").json()["items"]
    assert record["value"] == text


def test_a_record_behind_an_open_transaction_says_so(topic: NullEventTopic, viewer: Client) -> None:
    topic.append(0, b"read")
    topic.hold(0)
    topic.append(0, b"waits")
    assert viewer.get("/stream/records/").content.decode().count("behind an open transaction") == 1
    items = viewer.get("/api/v1/stream/records").json()["items"]
    assert {item["value"]: item["is_committed"] for item in items} == {"read": True, "waits": False}


NOT_A_RUN = [
    "../../sign-out", "..", ".", "/", "//evil.example", "javascript:alert(1)", "https://evil.example/", RUN + "/..",
    RUN + "/", " " + RUN, RUN + "\n", RUN.upper(), "{" + RUN + "}", "urn:uuid:" + RUN, RUN.replace("-", ""), "%2e%2e",
    RUN[:-1], RUN + "0", "\u0661" + RUN[1:], "", "?next=/", "#", "\\..\\", "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_A_RUN, ids=lambda text: json.dumps(text)[:40])
def test_only_the_id_of_a_run_becomes_an_address(text: str, topic: NullEventTopic, viewer: Client) -> None:
    assert run_url(text) == ""
    topic.append(0, b"{}", headers=(("scenario-run", text.encode()),))
    page = viewer.get("/stream/records/", headers={"HX-Request": "true"}).content.decode()
    assert "href=" not in page


def test_the_id_of_a_run_does(topic: NullEventTopic, viewer: Client) -> None:
    for run in (RUN, *(str(uuid.UUID(int=DRAW.getrandbits(128))) for _ in range(20))):
        assert run_url(run) == f"/scenarios/runs/{run}/"
    topic.append(0, b"{}", headers=(("scenario-run", RUN.encode()), ("scenario-run", b"../..")))
    assert f'href="/scenarios/runs/{RUN}/"' in viewer.get("/stream/records/").content.decode()
