"""Whether the data can be trusted: freshness, data quality and the balance of the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from controlplane.health.models import PartState
from controlplane.health.selectors import PartNow
from controlplane.lakehouse.selectors import LakeNow, gold_level
from controlplane.ledger.selectors import LedgerNow
from controlplane.overview.flow import Stage
from controlplane.quality.selectors import Verdict
from spark_jobs.pipeline import GOLD, SILVER

# The limit of names in one sentence.
NAMED = 3
# How the state `down` of an item reads in the list of problems.
DOWN_WORDS = {"verdict": "failed", "ledger": "unbalanced"}


@dataclass(frozen=True)
class Sign:
    """One item of the trust strip. `state` is up, degraded, down or unknown; `text` precedes the age of `at`."""

    key: str
    title: str
    state: str
    headline: str
    url: str
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Concern:
    """A problem, and the page that shows it."""

    state: str
    text: str
    url: str
    since: datetime | None = None
    label: str = ""


def signs(lake: LakeNow, verdicts: list[Verdict], ledger: LedgerNow) -> list[Sign]:
    """The trust strip."""
    return [_freshness(lake), _verdict(verdicts), _ledger(ledger)]


def concerns(parts: Mapping[str, PartNow], stations: list[Stage], strip: list[Sign]) -> list[Concern]:
    """All problems, worst first. A service that is down replaces the broken link that it causes."""
    found = [
        Concern(str(part.state), f"{part.title}: {part.summary}", f"#part-{part.name}", part.since)
        for part in parts.values()
        if part.state in (PartState.DOWN, PartState.DEGRADED)
    ]
    unseen = [part for part in parts.values() if part.state == PartState.UNKNOWN]
    if unseen:
        since = min((part.since for part in unseen if part.since), default=None)
        names = ", ".join(part.title for part in unseen)
        found.append(Concern("unknown", f"Status unknown: {names}", "#parts", since))
    if not any(concern.state == PartState.DOWN for concern in found):
        for station in stations:
            if station.pipe and station.pipe.state == "broken":
                found.append(Concern("down", f"{station.title}: {station.pipe.why or station.pipe.text}", station.url))
    found += [
        Concern(sign.state, f"{sign.title}: {sign.headline}", sign.url, sign.at, DOWN_WORDS.get(sign.key, ""))
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
            text = f"Unreadable: {', '.join(unread)}"
            return Sign("freshness", "Freshness", "unknown", text, url)
        return Sign("freshness", "Freshness", "unknown", "Gold has not been built", url)
    oldest = min((table.snapshot_at for table in level.built if table.snapshot_at), default=None)
    state, headline = "up", "Gold is up to date with silver"
    if level.late:
        headline = f"{len(level.late)} gold {'table is' if len(level.late) == 1 else 'tables are'} behind silver"
        state = "degraded"
    elif level.missing:
        # The freshness of a table that does not exist is unknown.
        headline, state = f"Not built yet: {', '.join(level.missing)}", "unknown"
    if oldest is None:
        headline, state = "Build time of gold is unknown", "unknown"
    if (of_these := lake.state_of("silver.events", *GOLD)) != PartState.UP:
        state = of_these
    return Sign("freshness", "Freshness", state, headline, url, "built" if oldest else "", oldest)


def _verdict(verdicts: list[Verdict]) -> Sign:
    url = reverse("quality:index")
    if not verdicts:
        return Sign("verdict", "Data quality", "unknown", "Not validated", url)
    failed = [verdict for verdict in verdicts if verdict.state == "failed"]
    newest = max(verdict.at for verdict in verdicts)
    if failed:
        headline = f"Failed: {_named([verdict.suite for verdict in failed])}"
        if len(failed) == 1:
            url = failed[0].validation.get_absolute_url()
        return Sign("verdict", "Data quality", "down", headline, url, "validated", newest)
    if unjudged := [name for name in (*SILVER, *GOLD) if name not in {verdict.suite for verdict in verdicts}]:
        headline = f"Not validated: {', '.join(unjudged)}"
        return Sign("verdict", "Data quality", "unknown", headline, url, "validated", newest)
    return Sign("verdict", "Data quality", "up", f"All {len(verdicts):,} suites passed", url, "validated", newest)


def _named(names: list[str]) -> str:
    """The first names, and how many more there are: suites of other writers are unbounded."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _ledger(ledger: LedgerNow) -> Sign:
    states = {"balanced": "up", "waiting": "unknown", "off": "down"}
    url = reverse("ledger:index")
    return Sign("ledger", "Ledger", states.get(ledger.verdict, "unknown"), ledger.summary, url, "computed", ledger.at)
