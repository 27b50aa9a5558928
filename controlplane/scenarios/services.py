"""What people ask of scenarios: keep one, run one, stop a run."""

from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from controlplane.accounts.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.accounts.models import User
from controlplane.accounts.services import acting
from controlplane.nudge import nudge
from controlplane.scenarios.generator import reading
from controlplane.scenarios.generator.document import Scenario as Document
from controlplane.scenarios.generator.errors import DocumentError
from controlplane.scenarios.generator.schedule import Schedule
from controlplane.scenarios.models import UNDER_WAY, RunState, Scenario, ScenarioRun, ScenarioVersion

# What stands at these addresses is no scenario.
RESERVED_SLUGS = frozenset({"runs", "new"})
LARGEST_SEED = 2**63 - 1


def library_sync() -> int:
    """Bring the built-in scenarios into the database; gives how many versions are new. Nothing is done twice."""
    made = 0
    for slug, document in reading.library():
        with transaction.atomic():
            scenario, _ = Scenario.objects.select_for_update().update_or_create(
                slug=slug, defaults={**_words(document), "builtin": True}
            )
            made += _add_version(scenario, document, None)[1]
    return made


def scenario_save(*, actor: User, text: str, slug: str | None = None) -> ScenarioVersion:
    """Keep a document (YAML or JSON): a new scenario, or a new version of the one that `slug` names.

    The same document again makes no new version.

    Raises:
        InvalidInputError: the document is wrong; the message names every field and what to do.
        ActionError: the scenario is built in, or the name is another one's.
        NotFoundError: `slug` names none.
    """
    with acting(actor=actor, action="scenario.save", target=slug or "new scenario") as act:
        try:
            document = reading.parse(text)
        except DocumentError as error:
            raise InvalidInputError(str(error), "Mend the document and send it again.") from None
        act.target = document.name
        with transaction.atomic():
            scenario = _scenario_for(document, slug, actor)
            version, made = _add_version(scenario, document, actor)
        act.detail.update({"scenario": scenario.slug, "version": version.number, "new": made})
    return version


def scenario_run_start(
    *, actor: User, slug: str, seed: int | None = None, request_id: UUID, version: int | None = None
) -> ScenarioRun:
    """Ask for a run of a scenario. The same request twice is the same run.

    Args:
        seed: by default the document's own.
        version: by default the newest.

    Raises:
        NotFoundError: there is no such scenario or version.
        InvalidInputError: the seed is out of bounds.
        ActionError: the request's id belongs to another scenario's run.
    """
    from controlplane.scenarios.tasks import generate

    with acting(actor=actor, action="scenario.run", target=slug) as act:
        if seed is not None and not 0 <= seed <= LARGEST_SEED:
            raise InvalidInputError(f"seed: is {seed}.", f"Write a whole number from 0 to {LARGEST_SEED}.")
        versions = ScenarioVersion.objects.select_related("scenario").filter(scenario__slug=slug)
        chosen = (versions if version is None else versions.filter(number=version)).order_by("-number").first()
        if chosen is None:
            what = slug if version is None else f"version {version} of {slug}"
            raise NotFoundError(f"There is no scenario {what}.", "Choose one from the list.")
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
                raise ActionError(f"The request {request_id} has already run {run.version}.", "Use a new request id.")
            act.detail.update(
                {"run": str(run.pk), "version": run.version.number, "seed": run.seed, "repeated": not made}
            )
            if made:
                nudge(generate.s(str(run.pk)))
    return run


def scenario_run_stop(*, actor: User, run_id: UUID) -> ScenarioRun:
    """Ask a run to stop. What is under way is still delivered; a run that has ended stays as it is.

    Raises:
        NotFoundError: there is no such run.
    """
    with acting(actor=actor, action="scenario.stop", target=str(run_id)) as act, transaction.atomic():
        runs = ScenarioRun.objects.select_for_update(of=("self",)).select_related("version__scenario")
        found = runs.filter(pk=run_id).first()
        if found is None:
            raise NotFoundError(f"There is no run {run_id}.", "Choose one from the list.")
        act.target = f"{found.version.scenario.slug} {found.pk}"
        act.detail["state"] = found.state
        if found.state in UNDER_WAY and found.stop_requested_at is None:
            found.stop_requested_at, found.stop_requested_by = timezone.now(), actor.get_username()
            if found.state == RunState.WAITING and found.started_at is None:
                # Nothing has been sent, so nothing has to be seen to.
                found.state, found.finished_at = RunState.STOPPED, timezone.now()
                found.message = f"Stopped by {actor.get_username()} before it began."
            found.save(update_fields=["stop_requested_at", "stop_requested_by", "state", "finished_at", "message"])
    return found


def _words(document: Document) -> dict[str, str]:
    return {"name": document.name, "description": document.description, "teaches": document.teaches}


def _add_version(scenario: Scenario, document: Document, actor: User | None) -> tuple[ScenarioVersion, bool]:
    canonical = orjson.loads(document.canonical())
    last = scenario.versions.order_by("-number").first()
    if last is not None and last.digest == document.content_digest():
        return last, False
    version = ScenarioVersion.objects.create(
        scenario=scenario,
        number=last.number + 1 if last else 1,
        document=canonical,
        digest=document.content_digest(),
        created_by=actor,
    )
    return version, True


def _scenario_for(document: Document, slug: str | None, actor: User) -> Scenario:
    """The scenario that a document goes to, locked; made when `slug` is None."""
    scenarios = Scenario.objects.select_for_update()
    if slug is not None:
        scenario = scenarios.filter(slug=slug).first()
        if scenario is None:
            raise NotFoundError(f"There is no scenario {slug}.", "Choose one from the list.")
        if scenario.builtin:
            raise ActionError(f"{scenario.name} is built in.", "Keep the document under another name.")
        for field, value in _words(document).items():
            setattr(scenario, field, value)
        scenario.save(update_fields=["name", "description", "teaches"])
        return scenario
    made_of_name = slugify(document.name)
    if not made_of_name or made_of_name in RESERVED_SLUGS:
        raise InvalidInputError(f"name: {document.name!r} can't be part of an address.", "Choose another name.")
    scenario, made = Scenario.objects.get_or_create(
        slug=made_of_name, defaults={**_words(document), "created_by": actor}
    )
    if not made:
        raise ActionError(f"There is a scenario {scenario.name} already.", "Choose another name, or change that one.")
    return scenario
