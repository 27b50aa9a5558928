"""Keeping documents: the library's, and people's own."""

from typing import Any

import orjson
from django.db import transaction
from django.urls import reverse

from controlplane.accounts.models import User
from controlplane.accounts.services import acting
from controlplane.errors import ActionError, InvalidInputError, NotFoundError
from controlplane.scenarios.documents.slugs import slug_of
from controlplane.scenarios.generator import reading
from controlplane.scenarios.generator.bounded_yaml import json_text
from controlplane.scenarios.generator.document import Scenario as Document
from controlplane.scenarios.generator.errors import DocumentError
from controlplane.scenarios.generator.recording.resolution import completed
from controlplane.scenarios.models import Recording, Scenario, ScenarioVersion

# What stands at these addresses is no scenario.
RESERVED_SLUGS = frozenset({"runs", "new", "live", "compare", "recordings", "schedules"})


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

    The same document again makes no new version, and no second scenario.

    Raises:
        InvalidInputError: the document is wrong; the message names every field and what to do.
        ActionError: the scenario is built in, or the name is another one's.
        NotFoundError: `slug` names none.
    """
    with acting(actor=actor, action="scenario.save", target=slug or "new scenario") as act:
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
    """Make a scenario of one's own from a version of another one, by default the newest.

    Raises:
        NotFoundError: there is no such scenario or version.
        InvalidInputError, ActionError: as `scenario_save`, for the name.
    """
    versions = ScenarioVersion.objects.filter(scenario__slug=slug)
    found = (versions if version is None else versions.filter(number=version)).order_by("-number").first()
    if found is None:
        what = slug if version is None else f"version {version} of {slug}"
        raise NotFoundError(f"There is no scenario {what}.", "Choose one from the list.")
    return scenario_save(actor=actor, text=json_text({**found.document, "name": name}))


def _told(version: ScenarioVersion) -> dict[str, Any]:
    """A version for the audit: its digest and where it is, instead of its document."""
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
        raise InvalidInputError(str(error), "Mend the document and send it again.") from None


def _hold_recording(document: Document) -> None:
    """Whoever deletes the recording at this moment waits and finds the version; or was first, which is said here."""
    if document.source is None:
        return
    list(Recording.objects.select_for_update().filter(sha256=document.source.recording))
    try:
        completed(document)
    except DocumentError as error:
        raise InvalidInputError(str(error), "Choose another recording.") from None


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
    made_of_name = slug_of(document.name)
    if not made_of_name:
        raise InvalidInputError(f"name: {document.name} has no letter and no digit.", "Choose another name.")
    if made_of_name in RESERVED_SLUGS:
        raise InvalidInputError(f"name: {document.name} is the address of another page.", "Choose another name.")
    scenario, made = Scenario.objects.get_or_create(
        slug=made_of_name, defaults={**_words(document), "created_by": actor}
    )
    if not made and not _asked_again(scenario, document, actor):
        raise ActionError(f"There is a scenario {scenario.name} already.", "Choose another name, or change that one.")
    return scenario


def _asked_again(scenario: Scenario, document: Document, actor: User) -> bool:
    """Whether somebody asks a second time for the scenario that they have just made."""
    versions = list(scenario.versions.values_list("digest", flat=True)[:2])
    return scenario.created_by_id == actor.pk and versions == [document.content_digest()]
