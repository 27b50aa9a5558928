"""Starting and stopping runs of scenarios."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audited
from controlplane.enqueue import enqueue_on_commit
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.leases import UNFINISHED, WorkState
from controlplane.scenarios.generator.document import LARGEST_SEED
from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.models import ScenarioRun, ScenarioVersion


def scenario_run_start(
    *,
    actor: User,
    slug: str,
    seed: int | None = None,
    request_id: UUID,
    version: int | None = None,
    schedule_id: UUID | None = None,
) -> ScenarioRun:
    """Request a run of a scenario. Repeating the request returns the same run.

    Args:
        seed: by default the seed of the document.
        version: by default the newest.
        schedule_id: the schedule that starts the run, for the audit log; None for a request by a user.

    Raises:
        NotFoundError: the scenario or version does not exist.
        InvalidInputError: the seed is out of bounds.
        ActionError: the request ID belongs to a run of another scenario.
    """
    from controlplane.scenarios.tasks import generate

    with audited(actor=actor, action="scenario.run", target=slug) as act:
        if seed is not None and not 0 <= seed <= LARGEST_SEED:
            raise InvalidInputError(f"seed: Invalid value {seed}.", f"Must be a whole number from 0 to {LARGEST_SEED}.")
        versions = ScenarioVersion.objects.select_related("scenario").filter(scenario__slug=slug)
        chosen = (versions if version is None else versions.filter(number=version)).order_by("-number").first()
        if chosen is None:
            what = f"Scenario {slug}" if version is None else f"Version {version} of scenario {slug}"
            raise NotFoundError(f"{what} does not exist.", "Select one from the list.")
        with transaction.atomic():
            run, made = ScenarioRun.objects.select_related("version__scenario").get_or_create(
                pk=request_id,
                defaults={
                    "version": chosen,
                    "seed": chosen.content.seed if seed is None else seed,
                    "requested_by": actor,
                    "requested_by_name": actor.get_username(),
                    "total": Schedule(chosen.content).total,
                    "sent_at": timezone.now(),
                },
            )
            if run.version.scenario_id != chosen.scenario_id:
                raise ActionError(
                    f"Request ID {request_id} was already used for a run of {run.version}.", "Use a new request ID."
                )
            act.detail.update(
                {"run": str(run.pk), "version": run.version.number, "seed": run.seed, "repeated": not made}
            )
            if schedule_id is not None:
                act.detail["schedule"] = str(schedule_id)
            if made:
                act.changed(None, {"run": run.pk, "version": run.version.number, "seed": run.seed, "total": run.total})
                enqueue_on_commit(generate.s(str(run.pk)))
    return run


def scenario_runs_cut_off(*, made_at: datetime) -> list[str]:
    """Fail the runs that were sending when the backup of a restored installation was created. Return their IDs.

    Runs that had not started stay queued.
    """
    with transaction.atomic():
        runs = ScenarioRun.objects.select_for_update().filter(state__in=UNFINISHED, started_at__isnull=False)
        ids = [str(pk) for pk in runs.values_list("pk", flat=True)]
        runs.update(
            state=WorkState.FAILED,
            finished_at=timezone.now(),
            holder=None,
            message=f"In progress when the backup of {made_at:%Y-%m-%d %H:%M} UTC was created. The rest was not sent.",
        )
    return ids


def scenario_run_stop(*, actor: User, run_id: UUID) -> ScenarioRun:
    """Request a run to stop. Records in flight are still delivered. A run that has ended is not changed.

    Raises:
        NotFoundError: the run does not exist.
    """
    with audited(actor=actor, action="scenario.stop", target=str(run_id)) as act, transaction.atomic():
        runs = ScenarioRun.objects.select_for_update(of=("self",)).select_related("version__scenario")
        found = runs.filter(pk=run_id).first()
        if found is None:
            raise NotFoundError(f"Run {run_id} does not exist.", "Select one from the list.")
        act.target = f"{found.version.scenario.slug} {found.pk}"
        before = _ending(found)
        if found.state in UNFINISHED and found.stop_requested_at is None:
            found.stop_requested_at, found.stop_requested_by = timezone.now(), actor.get_username()
            if found.state == WorkState.WAITING and found.started_at is None:
                # Nothing has been sent, so no worker is needed to stop it.
                found.state, found.finished_at = WorkState.STOPPED, timezone.now()
                found.message = f"Stopped by {actor.get_username()} before it started."
            found.save(update_fields=["stop_requested_at", "stop_requested_by", "state", "finished_at", "message"])
        act.detail["state"] = str(found.state)
        act.changed(before, _ending(found))
    return found


def _ending(run: ScenarioRun) -> dict[str, Any]:
    """The end of a run, for the audit log."""
    return {"state": str(run.state), "stop_requested_by": run.stop_requested_by}
