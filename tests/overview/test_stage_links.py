"""Where a link between two stages breaks."""

from controlplane.health.models import PartState
from controlplane.health.selectors import PartNow
from controlplane.overview import stage_links as pipes


def now(name: str, state: PartState = PartState.UP) -> PartNow:
    return PartNow(name, name.title(), state, "It is gone.", None, None, "", "", {})


def test_a_bucket_that_is_down_breaks_every_pipe_that_writes_or_reads_tables() -> None:
    known = {name: now(name) for name in ("kafka", "spark", "airflow", "bi", "stream", "generator")}
    assert pipes._down(known, "kafka", "spark", "storage") is None
    known["storage"] = now("storage", PartState.DOWN)
    broken = pipes._down(known, "kafka", "spark", "storage")
    assert broken is not None
    assert (broken.state, broken.text, broken.why) == ("broken", "Storage down", "It is gone.")
