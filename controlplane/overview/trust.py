"""Whether the data can be trusted: how fresh it is, what the gates said, whether the ledger balances."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from controlplane.health.models import PartState
from controlplane.health.selectors import PartNow
from controlplane.lakehouse.selectors import LakeNow, gold_level
from controlplane.ledger.selectors import LedgerNow
from controlplane.overview.flow import Station
from controlplane.quality.selectors import Verdict
from spark_jobs.pipeline import GOLD, SILVER


@dataclass(frozen=True)
class Sign:
    """One sign of trust. `state` is up, degraded, down or unknown; `text` may be followed by how long ago `at` is."""

    title: str
    state: str
    headline: str
    url: str
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Concern:
    """Something that needs a look, worst first, and where to click."""

    state: str
    text: str
    url: str
    since: datetime | None = None


def signs(lake: LakeNow, verdicts: list[Verdict], ledger: LedgerNow) -> list[Sign]:
    """The trust strip."""
    return [_freshness(lake), _verdict(verdicts), _ledger(ledger)]


def concerns(parts: Mapping[str, PartNow], stations: list[Station], strip: list[Sign]) -> list[Concern]:
    """What is not as it should be. A part that is down says more than the pipe that it breaks."""
    found = [
        Concern(str(part.state), f"{part.title}: {part.summary}", f"#part-{part.name}", part.since)
        for part in parts.values()
        if part.state in (PartState.DOWN, PartState.DEGRADED)
    ]
    unseen = [part for part in parts.values() if part.state == PartState.UNKNOWN]
    if unseen:
        since = min((part.since for part in unseen if part.since), default=None)
        names = ", ".join(part.title for part in unseen)
        found.append(Concern("unknown", f"Nobody knows how these are: {names}", "#parts", since))
    if not any(concern.state == PartState.DOWN for concern in found):
        for station in stations:
            if station.pipe and station.pipe.state == "broken":
                found.append(Concern("down", f"{station.title}: {station.pipe.why or station.pipe.text}", station.url))
    found += [
        Concern(sign.state, f"{sign.title}: {sign.headline}", sign.url, sign.at)
        for sign in strip
        if sign.state in (PartState.DOWN, PartState.DEGRADED)
    ]
    order = [PartState.DOWN, PartState.DEGRADED, PartState.UNKNOWN]
    return sorted(found, key=lambda concern: order.index(PartState(concern.state)))


def _freshness(lake: LakeNow) -> Sign:
    url = reverse("lakehouse:index")
    level = gold_level(lake)
    if level is None:
        unread = [name for name in ("silver.events", *GOLD) if (table := lake.table(name)) and table.problem]
        if unread:
            return Sign("Freshness", "unknown", f"Can't be read: {', '.join(unread)}", url)
        return Sign("Freshness", "unknown", "Gold has not been built", url)
    oldest = min((table.snapshot_at for table in level.built if table.snapshot_at), default=None)
    state, headline = "up", "Gold is level with silver"
    if level.late:
        headline = f"{len(level.late)} gold {'table is' if len(level.late) == 1 else 'tables are'} behind silver"
        state = "degraded"
    elif level.missing:
        # Of a table that isn't there nobody can say how fresh it is.
        headline, state = f"Not built yet: {', '.join(level.missing)}", "unknown"
    if oldest is None:
        headline, state = "When gold was built is unknown", "unknown"
    if (of_these := lake.state_of("silver.events", *GOLD)) != PartState.UP:
        state = of_these
    return Sign("Freshness", state, headline, url, "built" if oldest else "", oldest)


def _verdict(verdicts: list[Verdict]) -> Sign:
    url = reverse("quality:index")
    if not verdicts:
        return Sign("Verdict", "unknown", "Nothing has been judged", url)
    failed = [verdict for verdict in verdicts if verdict.state == "failed"]
    newest = max(verdict.at for verdict in verdicts)
    if failed:
        names = ", ".join(verdict.suite for verdict in failed)
        headline = f"{names} {'does' if len(failed) == 1 else 'do'} not hold"
        if len(failed) == 1:
            url = failed[0].validation.get_absolute_url()
        return Sign("Verdict", "down", headline, url, "judged", newest)
    if unjudged := [name for name in (*SILVER, *GOLD) if name not in {verdict.suite for verdict in verdicts}]:
        return Sign("Verdict", "unknown", f"Not judged yet: {', '.join(unjudged)}", url, "judged", newest)
    return Sign("Verdict", "up", f"All {len(verdicts)} suites hold", url, "judged", newest)


def _ledger(ledger: LedgerNow) -> Sign:
    states = {"balanced": "up", "waiting": "unknown", "off": "down"}
    url = reverse("ledger:index")
    return Sign("Ledger", states.get(ledger.verdict, "unknown"), ledger.summary, url, "counted", ledger.at)
