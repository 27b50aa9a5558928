"""Stores documents: those of the built-in library and those of users."""

from typing import Any

import orjson
from django.db import transaction
from django.urls import reverse

from controlplane.accounts.models import User
from controlplane.accounts.services import audited
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.scenarios.documents.slugs import slug_of
from controlplane.scenarios.generator import reading
from controlplane.scenarios.generator.bounded_yaml import json_text
from controlplane.scenarios.generator.document import Scenario as Document
from controlplane.scenarios.generator.errors import DocumentError
from controlplane.scenarios.generator.recording.resolution import completed
from controlplane.scenarios.models import Recording, Scenario, ScenarioVersion

# Other pages have these addresses.
RESERVED_SLUGS = frozenset({"runs", "new", "live", "compare", "recordings", "schedules"})


def library_sync() -> int:
    """Load the built-in scenarios into the database. Idempotent. Return the number of new versions."""
    made = 0
    for slug, document in reading.library():
        with transaction.atomic():
            scenario, _ = Scenario.objects.select_for_update().update_or_create(
                slug=slug, defaults={**_words(document), "builtin": True}
            )
            made += _add_version(scenario, document, None)[1]
    return made


def scenario_save(*, actor: User, text: str, slug: str | None = None) -> ScenarioVersion:
    """Save a document (YAML or JSON) as a new scenario, or as a new version of the scenario `slug`.

    Saving the same document again creates neither a new version nor a second scenario.

    Raises:
        InvalidInputError: the document is invalid; the message names every field and its remedy.
        ActionError: the scenario is built-in, or the name is in use.
        NotFoundError: the scenario `slug` does not exist.
    """
    with audited(actor=actor, action="scenario.save", target=slug or "new scenario") as act:
        document = _checked(text)
        act.target = document.name
        with transaction.atomic():
            _hold_recording(document)
            scenario = _scenario_for(document, slug, actor)
            last = scenario.versions.order_by("-number").first()
            version, made = _add_version(scenario, document, actor)
        act.detail.update({"scenario": scenario.slug, "version": version.number, "new": made})
        if made:
            act.changed(None if last is None else _told(last), _told(version))
    return version


def scenario_clone(*, actor: User, slug: str, name: str, version: int | None = None) -> ScenarioVersion:
    """Create a scenario from a version of another one, by default the newest.

    Raises:
        NotFoundError: the scenario or version does not exist.
        InvalidInputError, ActionError: for the name, as in `scenario_save`.
    """
    versions = ScenarioVersion.objects.filter(scenario__slug=slug)
    found = (versions if version is None else versions.filter(number=version)).order_by("-number").first()
    if found is None:
        what = f"Scenario {slug}" if version is None else f"Version {version} of scenario {slug}"
        raise NotFoundError(f"{what} does not exist.", "Select one from the list.")
    return scenario_save(actor=actor, text=json_text({**found.document, "name": name}))


def _told(version: ScenarioVersion) -> dict[str, Any]:
    """A version for the audit log: its digest and its address instead of its document."""
    address = reverse("scenarios:document", args=[version.scenario.slug])
    return {
        "version": version.number,
        "name": version.document.get("name"),
        "digest": version.digest,
        "document": f"{address}?version={version.number}",
    }


def _checked(text: str) -> Document:
    try:
        return reading.parse(text)
    except DocumentError as error:
        raise InvalidInputError(str(error), "Fix the document and send it again.") from None


def _hold_recording(document: Document) -> None:
    """Lock the recording: a concurrent deletion waits and finds the new version, or came first and is reported here."""
    if document.source is None:
        return
    list(Recording.objects.select_for_update().filter(sha256=document.source.recording))
    try:
        completed(document)
    except DocumentError as error:
        raise InvalidInputError(str(error), "Select another recording.") from None


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
    """The scenario of a document, locked; created when `slug` is None."""
    scenarios = Scenario.objects.select_for_update()
    if slug is not None:
        scenario = scenarios.filter(slug=slug).first()
        if scenario is None:
            raise NotFoundError(f"Scenario {slug} does not exist.", "Select one from the list.")
        if scenario.builtin:
            raise ActionError(
                f"{scenario.name} is a built-in scenario and can't be changed.", "Save the document under another name."
            )
        for field, value in _words(document).items():
            setattr(scenario, field, value)
        scenario.save(update_fields=["name", "description", "teaches"])
        return scenario
    made_of_name = slug_of(document.name)
    if not made_of_name:
        raise InvalidInputError(f"name: {document.name} has no letter and no digit.", "Use another name.")
    if made_of_name in RESERVED_SLUGS:
        raise InvalidInputError(f"name: {document.name} is reserved for another page.", "Use another name.")
    scenario, made = Scenario.objects.get_or_create(
        slug=made_of_name, defaults={**_words(document), "created_by": actor}
    )
    if not made and not _asked_again(scenario, document, actor):
        raise ActionError(f"Scenario {scenario.name} already exists.", "Use another name, or edit that scenario.")
    return scenario


def _asked_again(scenario: Scenario, document: Document, actor: User) -> bool:
    """Whether the same user repeats the request that created this scenario."""
    versions = list(scenario.versions.values_list("digest", flat=True)[:2])
    return scenario.created_by_id == actor.pk and versions == [document.content_digest()]
