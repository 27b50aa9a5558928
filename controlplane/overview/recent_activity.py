"""Recent activity: the last actions and runs, with the user who requested them."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from controlplane.accounts.models import A_TOKEN, OF_TOKENS, AuditEntry
from controlplane.orchestration.models import DagRun
from controlplane.orchestration.selectors import runs_page
from controlplane.scenarios.selectors import runs

SHOWN = 10
# Requests that create a run are listed as that run. All other audit entries are worded here.
ACTIONS = {
    "stream.start": "started the stream",
    "stream.stop": "stopped the stream",
    "stream.configure": "changed the stream's configuration",
    "stream.detour": "wrote records with timestamps that Spark can't read to bronze",
    "scenario.save": "saved the scenario",
    "scenario.stop": "stopped a run of",
    "recording.upload": "uploaded the recording",
    "recording.read": "mapped the columns of the recording",
    "recording.delete": "deleted the recording",
    "person.create": "added",
    "person.change": "changed the permissions of",
    "token.create": "created the token",
    "token.renew": "extended the token",
    "token.revoke": "revoked the token",
    "session.end": "ended a session of",
    "session.end-all": "ended all sessions of",
    "installation.restore": "restored the",
    "ledger.count": "requested a ledger recomputation",
    "audit.export": "exported the",
    "audit.purge": "deleted by retention: audit",
}
LEFT_OUT = ("person.sign-in", "person.sign-out", "scenario.run", "dag_run.trigger", "spark_job.submit")


@dataclass(frozen=True)
class ActivityItem:
    """One entry of the list. `state` is a word that the template tag `state` knows."""

    at: datetime
    who: str
    text: str
    state: str
    url: str


def recent_activity() -> list[ActivityItem]:
    """Audit entries and runs, newest first."""
    found = [*_audited(), *_scenario_runs(), *_runs()]
    return sorted(found, key=lambda one: one.at, reverse=True)[:SHOWN]


def _audited() -> list[ActivityItem]:
    entries = AuditEntry.objects.exclude(action__in=LEFT_OUT).only(
        "at", "actor_name", "action", "target", "outcome", "sequence"
    )
    return [
        ActivityItem(
            at=entry.at,
            who=entry.actor_name,
            text=_said(entry),
            state="" if entry.outcome == AuditEntry.Outcome.SUCCEEDED else entry.outcome,
            url=entry.get_absolute_url(),
        )
        for entry in entries[:SHOWN]
    ]


def _said(entry: AuditEntry) -> str:
    if entry.action.startswith(OF_TOKENS):
        return f"{ACTIONS.get(entry.action, entry.action)} {A_TOKEN}"
    said = ACTIONS.get(entry.action)
    if said is None:
        return f"{entry.action} {entry.target}"
    return said if entry.action.startswith(("stream.", "ledger.")) else f"{said} {entry.target}"


def _scenario_runs() -> list[ActivityItem]:
    return [
        ActivityItem(
            at=run.finished_at or run.started_at or run.requested_at,
            who=run.requested_by_name,
            text=f"scenario {run.version.scenario.name}, {run.acknowledged:,} events",
            state=run.state,
            url=reverse("scenarios:run", args=[run.pk]),
        )
        for run in runs(size=SHOWN)
    ]


def _runs() -> list[ActivityItem]:
    return [
        ActivityItem(
            at=listed.run.finished_at or listed.run.started_at or listed.run.requested_at,
            who=listed.run.requested_by or "Airflow",
            text=f"{'DAG run' if isinstance(listed.run, DagRun) else 'Spark job'} {listed.name}",
            state=listed.run.state,
            url=listed.run.get_absolute_url(),
        )
        for listed in runs_page(size=SHOWN).items
    ]
