"""A recording uploaded to the running installation, played, and played again."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from tests.scenarios.recorded import rees46
from tests.system.api import ControlPlane
from tests.waiting import wait_for

SEED, ROWS, EVENTS = 46, 70_000, 6_000


@dataclass(frozen=True)
class Played:
    """What was uploaded, and the run and the replay that played it; `rows` as the file has them."""

    rows: list[dict[str, str]]
    recording: dict[str, Any]
    run: dict[str, Any]
    replay: dict[str, Any]


def play(control_plane: ControlPlane) -> Played:
    """Upload a file that is large enough to be read by a worker, run a scenario of it, and repeat the run."""
    print(f"The recording's seed is {SEED}.")
    body = rees46(ROWS, seed=SEED, seconds=70.0)
    sent = control_plane.http.post(
        "/recordings", files={"file": ("2019-Oct.csv", body)}, data={"mapping": "rees46"}, timeout=60.0
    )
    assert sent.status_code == 201, sent.text[:500]
    path = f"/recordings/{sent.json()['sha256']}"

    def read() -> dict[str, Any] | None:
        recording = control_plane.get(path)
        (reading,) = recording["readings"]
        assert reading["state"] != "failed", reading["message"]
        return dict(recording) if reading["state"] == "succeeded" else None

    recording = wait_for(read, "the recording is read", within=60)
    document = {
        "name": "October replayed",
        "max_events": EVENTS,
        "source": {**recording["readings"][0]["source"], "speed": 5},
        "faults": [{"kind": "duplicate", "rate": 0.02, "delay_seconds": 0.2}, {"kind": "negative_price", "rate": 0.01}],
    }
    slug = control_plane.post("/scenarios", {"document": document})["slug"]
    run = _ended(control_plane, control_plane.post(f"/scenarios/{slug}/runs"))
    replay = _ended(control_plane, control_plane.post(f"/scenario-runs/{run['id']}/replay"))
    return Played(list(csv.DictReader(io.StringIO(body.decode()))), recording, run, replay)


def _ended(control_plane: ControlPlane, run: dict[str, Any]) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = control_plane.get(f"/scenario-runs/{run['id']}")
        return dict(found) if found["finished_at"] else None

    return wait_for(look, "the run has ended", within=60)
