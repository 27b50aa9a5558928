"""The report of a run as one self-contained HTML file without scripts."""

from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from controlplane.scenarios.documents.presenters import as_yaml, run_facts
from controlplane.scenarios.models import ScenarioRun
from controlplane.scenarios.runs.context import limits

# Not a static file: it is embedded in the report.
_STYLE = (Path(__file__).parent / "report.css").read_text()
WIDTH, HEIGHT = 720.0, 160.0


def report_page(run: ScenarioRun) -> str:
    """The report of a run, ended or not, as an HTML page."""
    samples = list(run.samples.all())
    return render_to_string(
        "scenarios/report.html",
        {
            "run": run,
            "scenario": run.version.scenario,
            "style": mark_safe(f"<style>{_STYLE}</style>"),  # noqa: S308 - our own file
            "yaml": as_yaml(run.version.content),
            "limits": limits(run),
            "latencies": [
                (name, run.latency_ms[name]) for name in ("p50", "p95", "p99", "max") if name in run.latency_ms
            ],
            "digests": list(enumerate(run.digests)),
            "chart": _chart([(sample.at.timestamp(), sample.rate, sample.target_rate) for sample in samples]),
            **run_facts(run),
        },
    )


def _chart(samples: list[tuple[float, float, float]]) -> dict[str, Any] | None:
    """The rates as points of an SVG of 720 by 160; None for fewer than two samples."""
    if len(samples) < 2:
        return None
    start, end = samples[0][0], samples[-1][0]
    top = max(max(rate, target) for _, rate, target in samples) or 1.0
    across = WIDTH / max(end - start, 1e-3)

    def points(column: int) -> str:
        return " ".join(
            f"{(sample[0] - start) * across:.1f},{HEIGHT - sample[column] / top * HEIGHT:.1f}" for sample in samples
        )

    return {"rate": points(1), "target": points(2), "top": top, "seconds": end - start}
