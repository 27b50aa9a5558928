"""The readers of recordings over generated files: each is taken or refused in a sentence. `make fuzz` runs more of them
(`SECONDS`, `SEED`)."""

import os
import random
import time

from tests.scenarios.recording_fuzz import campaign

CASES, SEED = 200, 20261129


def test_every_generated_file_is_taken_or_refused_in_a_sentence() -> None:
    seconds = float(os.environ.get("FUZZ_SECONDS") or 0)
    drawn = random.SystemRandom().randrange(1 << 32) if seconds else SEED
    seed = int(os.environ.get("FUZZ_SEED") or drawn)
    end = time.monotonic() + seconds
    print(f"seed {seed}")
    numbers = range(10_000_000) if seconds else range(CASES)
    ended, failed = campaign(seed, numbers, lambda: bool(seconds) and time.monotonic() > end)
    print(dict(ended.most_common()))
    assert not failed, "\n".join(failed)
    # Mutations leave enough of the files whole that every reader is tried to its end.
    if not seconds:
        assert {f"{kind}: taken" for kind in ("csv", "ndjson", "parquet")} <= set(ended)
        assert ended["refused"] > CASES / 10
