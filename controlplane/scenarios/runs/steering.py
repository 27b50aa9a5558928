"""Steering a run that is under way, and sending the events of an ended one again. The run's worker follows the row."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from controlplane.accounts.models import User
from controlplane.accounts.services import acting
from controlplane.enqueue import nudge
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.models import UNDER_WAY, ScenarioRun

SLOWEST, FASTEST = 0.01, 1000.0


def scenario_run_pause(*, actor: User, run_id: UUID) -> ScenarioRun:
    """Let a run rest: it keeps its place, and sends nothing until it is resumed. Asked twice, it rests once.

    Raises:
        NotFoundError: there is no such run.
        ActionError: it has ended.
    """
    with _steered(actor, "scenario.pause", run_id) as run:
        if run.paused_at is None:
            run.paused_at, run.paused_by = timezone.now(), actor.get_username()
            run.save(update_fields=["paused_at", "paused_by"])
    return run


def scenario_run_resume(*, actor: User, run_id: UUID) -> ScenarioRun:
    """Let a paused run go on where it was.

    Raises:
        NotFoundError: there is no such run.
        ActionError: it has ended.
    """
    with _steered(actor, "scenario.resume", run_id) as run:
        run.paused_at, run.paused_by = None, ""
        run.save(update_fields=["paused_at", "paused_by"])
    return run


def scenario_run_speed(
    *, actor: User, run_id: UUID, speed: float | None = None, events_per_second: float | None = None
) -> ScenarioRun:
    """Change how fast a run goes: `speed` times as fast as the document says, or so many events a second now.

    The shape of the traffic stays, and so does every byte: only when each record is sent changes.

    Raises:
        NotFoundError: there is no such run.
        ActionError: it has ended.
        InvalidInputError: neither or both are given, or the value is out of bounds.
    """
    with _steered(actor, "scenario.speed", run_id) as run:
        if (speed is None) == (events_per_second is None):
            raise InvalidInputError("speed: give either speed or events_per_second.", "Give one of the two.")
        if events_per_second is not None:
            asked = events_per_second / Schedule(run.version.content).rate_at(run.generated)
            field, value = "events_per_second", events_per_second
        else:
            assert speed is not None
            asked, field, value = speed, "speed", speed
        if not (math.isfinite(asked) and SLOWEST <= asked <= FASTEST):
            raise InvalidInputError(
                f"{field}: is {value:g}, which is {asked:.4g} times the document's rate.",
                f"From {SLOWEST:g} to {FASTEST:g} times is possible.",
            )
        run.speed = asked
        run.save(update_fields=["speed"])
    return run


def scenario_run_replay(*, actor: User, run_id: UUID, request_id: UUID) -> ScenarioRun:
    """Send the events of an ended run again: the same version, seed and anchor make the same bytes, which the digest
    proves. The pipeline has to tell every one of them for a duplicate. The same request twice is the same run.

    Raises:
        NotFoundError: there is no such run.
        ActionError: it has not ended, has sent nothing, or is repeated at this moment.
    """
    from controlplane.scenarios.tasks import generate

    with acting(actor=actor, action="scenario.replay", target=str(run_id)) as act, transaction.atomic():
        original = _locked(run_id)
        # A replay of a replay repeats the first one.
        root = original if original.replay_of_id is None else _locked(original.replay_of_id)
        again = ScenarioRun.objects.filter(pk=request_id).select_related("version__scenario").first()
        if again is not None and again.replay_of_id == root.pk:
            return again
        if again is not None:
            raise ActionError(f"The request {request_id} has already run {again.version}.", "Use a new request id.")
        if root.under_way:
            raise ActionError("The run has not ended yet.", "Stop it, or wait for its end.")
        if root.anchor is None or not root.generated:
            raise ActionError("The run has sent nothing that could be sent again.", "Run the scenario instead.")
        if root.replays.filter(state__in=UNDER_WAY).exists():
            raise ActionError("The run is being repeated at this moment.", "Wait for the end of that replay.")
        run = ScenarioRun.objects.create(
            pk=request_id, version=root.version, seed=root.seed, anchor=root.anchor, partitions=root.partitions,
            replay_of=root, total=root.generated, sent_at=timezone.now(), requested_by=actor,
            requested_by_name=actor.get_username(),
        )  # fmt: skip
        act.detail.update({"run": str(run.pk), "of": str(root.pk), "seed": run.seed})
        act.changed(None, {"run": run.pk, "of": root.pk, "seed": run.seed, "total": run.total})
        nudge(generate.s(str(run.pk)))
    return run


@contextmanager
def _steered(actor: User, action: str, run_id: UUID) -> Iterator[ScenarioRun]:
    """The run, locked, with the act written down; only while it is under way."""
    with acting(actor=actor, action=action, target=str(run_id)) as act, transaction.atomic():
        run = _locked(run_id)
        act.target = f"{run.version.scenario.slug} {run.pk}"
        if not run.under_way:
            raise ActionError(f"The run has ended: {run.state}.", "Start a new one.")
        before = _steering(run)
        yield run
        act.detail["run"] = str(run.pk)
        act.changed(before, _steering(run))


def _steering(run: ScenarioRun) -> dict[str, Any]:
    """How a run goes, for the audit."""
    return {"paused": run.paused_at is not None, "speed": run.speed}


def _locked(run_id: UUID) -> ScenarioRun:
    runs = ScenarioRun.objects.select_for_update(of=("self",)).select_related("version__scenario")
    found = runs.filter(pk=run_id).first()
    if found is None:
        raise NotFoundError(f"There is no run {run_id}.", "Choose one from the list.")
    return found
