"""The readers of recordings over generated files: each is taken or refused in a sentence. `make fuzz` runs more of them
(`SECONDS`, `SEED`)."""

import os
import random
import time

import pytest

from tests.scenarios.recording_fuzz import campaign

CASES, SEED = 200, 20261129
SECONDS = float(os.environ.get("FUZZ_SECONDS") or 0)


@pytest.mark.timeout(SECONDS + 600)
def test_every_generated_file_is_taken_or_refused_in_a_sentence() -> None:
    drawn = random.SystemRandom().randrange(1 << 32) if SECONDS else SEED
    seed = int(os.environ.get("FUZZ_SEED") or drawn)
    end = time.monotonic() + SECONDS
    print(f"seed {seed}")
    numbers = range(10_000_000) if SECONDS else range(CASES)
    ended, failed = campaign(seed, numbers, lambda: bool(SECONDS) and time.monotonic() > end)
    print(dict(ended.most_common()))
    assert not failed, "\n".join(failed)
    # Mutations leave enough of the files whole that every reader is tried to its end.
    if not SECONDS:
        assert {f"{kind}: taken" for kind in ("csv", "ndjson", "parquet")} <= set(ended)
        assert ended["refused"] > CASES / 10
