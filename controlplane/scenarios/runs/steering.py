"""Steering a run in progress, and replaying one that has ended. The worker of the run follows the row."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import audited
from controlplane.enqueue import enqueue_on_commit
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.leases import UNFINISHED
from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.models import ScenarioRun

SLOWEST, FASTEST = 0.01, 1000.0


def scenario_run_pause(*, actor: User, run_id: UUID) -> ScenarioRun:
    """Pause a run. It keeps its slot and sends nothing until it is resumed. Idempotent.

    Raises:
        NotFoundError: the run does not exist.
        ActionError: it has ended.
    """
    with _steered(actor, "scenario.pause", run_id) as run:
        if run.paused_at is None:
            run.paused_at, run.paused_by = timezone.now(), actor.get_username()
            run.save(update_fields=["paused_at", "paused_by"])
    return run


def scenario_run_resume(*, actor: User, run_id: UUID) -> ScenarioRun:
    """Resume a paused run at its position.

    Raises:
        NotFoundError: the run does not exist.
        ActionError: it has ended.
    """
    with _steered(actor, "scenario.resume", run_id) as run:
        run.paused_at, run.paused_by = None, ""
        run.save(update_fields=["paused_at", "paused_by"])
    return run


def scenario_run_speed(
    *, actor: User, run_id: UUID, speed: float | None = None, events_per_second: float | None = None
) -> ScenarioRun:
    """Set the speed of a run: as a multiple of the defined rate, or as a target rate for now.

    The traffic shape and every byte stay the same; only the send times change.

    Raises:
        NotFoundError: the run does not exist.
        ActionError: it has ended.
        InvalidInputError: neither or both are given, or the value is out of bounds.
    """
    with _steered(actor, "scenario.speed", run_id) as run:
        if (speed is None) == (events_per_second is None):
            raise InvalidInputError(
                "speed: Exactly one of speed and events_per_second is required.", "Set one of the two."
            )
        if events_per_second is not None:
            asked = events_per_second / Schedule(run.version.content).rate_at(run.generated)
            field, value = "events_per_second", events_per_second
        else:
            assert speed is not None
            asked, field, value = speed, "speed", speed
        if not (math.isfinite(asked) and SLOWEST <= asked <= FASTEST):
            raise InvalidInputError(
                f"{field}: Invalid value {value:g}, {asked:.4g} times the defined rate.",
                f"Must be {SLOWEST:g} to {FASTEST:g} times the defined rate.",
            )
        run.speed = asked
        run.save(update_fields=["speed"])
    return run


def scenario_run_replay(*, actor: User, run_id: UUID, request_id: UUID) -> ScenarioRun:
    """Send the events of an ended run again. The same version, seed and anchor generate the same bytes, which the
    digest proves. The pipeline must recognize all of them as duplicates. Repeating the request returns the same run.

    Raises:
        NotFoundError: the run does not exist.
        ActionError: it has not ended, has sent nothing, or a replay is in progress.
    """
    from controlplane.scenarios.tasks import generate

    with audited(actor=actor, action="scenario.replay", target=str(run_id)) as act, transaction.atomic():
        original = _locked(run_id)
        # A replay of a replay repeats the original run.
        root = original if original.replay_of_id is None else _locked(original.replay_of_id)
        again = ScenarioRun.objects.filter(pk=request_id).select_related("version__scenario").first()
        if again is not None and again.replay_of_id == root.pk:
            return again
        if again is not None:
            raise ActionError(
                f"Request ID {request_id} was already used for a run of {again.version}.", "Use a new request ID."
            )
        if root.under_way:
            raise ActionError("The run has not ended.", "Stop it, or wait until it ends.")
        if root.anchor is None or not root.generated:
            raise ActionError("The run has sent no records to replay.", "Run the scenario instead.")
        if root.replays.filter(state__in=UNFINISHED).exists():
            raise ActionError("A replay of this run is already in progress.", "Wait until it ends.")
        run = ScenarioRun.objects.create(
            pk=request_id, version=root.version, seed=root.seed, anchor=root.anchor, partitions=root.partitions,
            replay_of=root, total=root.generated, sent_at=timezone.now(), requested_by=actor,
            requested_by_name=actor.get_username(),
        )  # fmt: skip
        act.detail.update({"run": str(run.pk), "of": str(root.pk), "seed": run.seed})
        act.changed(None, {"run": run.pk, "of": root.pk, "seed": run.seed, "total": run.total})
        enqueue_on_commit(generate.s(str(run.pk)))
    return run


@contextmanager
def _steered(actor: User, action: str, run_id: UUID) -> Iterator[ScenarioRun]:
    """The run, locked and audited. Only for runs in progress."""
    with audited(actor=actor, action=action, target=str(run_id)) as act, transaction.atomic():
        run = _locked(run_id)
        act.target = f"{run.version.scenario.slug} {run.pk}"
        if not run.under_way:
            raise ActionError(f"The run has already ended ({run.state}).", "Start a new run.")
        before = _steering(run)
        yield run
        act.detail["run"] = str(run.pk)
        act.changed(before, _steering(run))


def _steering(run: ScenarioRun) -> dict[str, Any]:
    """The steering of a run, for the audit log."""
    return {"paused": run.paused_at is not None, "speed": run.speed}


def _locked(run_id: UUID) -> ScenarioRun:
    runs = ScenarioRun.objects.select_for_update(of=("self",)).select_related("version__scenario")
    found = runs.filter(pk=run_id).first()
    if found is None:
        raise NotFoundError(f"Run {run_id} does not exist.", "Select one from the list.")
    return found
