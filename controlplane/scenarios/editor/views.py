"""The editor pages: a new scenario based on another one, or a new version of an existing one."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from controlplane.accounts.requests import current_user
from controlplane.accounts.roles import Role
from controlplane.errors import ActionError, NotFoundError
from controlplane.scenarios import selectors
from controlplane.scenarios.documents.presenters import as_yaml
from controlplane.scenarios.documents.services import scenario_save
from controlplane.scenarios.documents.slugs import slug_of
from controlplane.scenarios.editor import field_paths as places
from controlplane.scenarios.editor.draft import Draft
from controlplane.scenarios.editor.form import Form
from controlplane.scenarios.editor.preview import looked_ahead
from controlplane.scenarios.generator.errors import Problem
from controlplane.scenarios.models import Recording, RecordingReading, Scenario, ScenarioVersion
from controlplane.scenarios.recordings.presenters import document_of, scenario_name
from controlplane.scenarios.recordings.selectors import reading_get, ready_readings, source_of
from controlplane.scenarios.runs.services import scenario_run_start

SAVE, SAVE_AND_RUN = "save", "save-run"
_LONGEST_NAME = 80


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new scenario, based on version `?version=` of the scenario `?like=`, or a replay of `?recording=`.

    `?reading=` selects an import of the recording.
    """
    reading = None
    if sha256 := request.GET.get("recording"):
        reading = reading_get(sha256, request.GET.get("reading"))
    template = selectors.scenario_get(request.GET.get("like") or "first-light")
    return _edited(request, template, None, reading)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """A new version of a scenario. A built-in scenario is never changed: editing it creates a copy."""
    scenario = selectors.scenario_get(slug)
    if scenario.builtin:
        messages.info(request, f"{scenario.name} is a built-in scenario. You are editing a copy.")
        return redirect(f"/scenarios/new/?like={slug}")
    return _edited(request, scenario, scenario)


def _edited(
    request: HttpRequest, template: Scenario, own: Scenario | None, reading: RecordingReading | None = None
) -> HttpResponse:
    if request.method != "POST":
        current_user(request, Role.OPERATOR)
        first = _first_of(reading) if reading else Draft.of_text(_first_text(request, template, own))
        return _page(request, first, template, own)
    act = request.POST.get("act", SAVE)
    draft = Draft.posted(_with_name(request.POST.dict()), act)
    if draft.scenario is None or act not in (SAVE, SAVE_AND_RUN):
        current_user(request, Role.OPERATOR)
    if act not in (SAVE, SAVE_AND_RUN):
        return _page(request, draft, template, own)
    if draft.scenario is not None:
        try:
            version = scenario_save(actor=current_user(request), text=draft.text, slug=own.slug if own else None)
        except NotFoundError:
            raise
        except ActionError as error:
            message = error.message.removeprefix("name: ")
            draft.problems.append(Problem("name", message, error.remedy))
        else:
            return _saved(request, version, run=act == SAVE_AND_RUN)
    return _page(request, draft, template, own, status=422)


def _saved(request: HttpRequest, version: ScenarioVersion, *, run: bool) -> HttpResponse:
    slug = version.scenario.slug
    if not run:
        messages.success(request, f"Saved {version}.")
        return redirect("scenarios:detail", slug)
    started = scenario_run_start(
        actor=current_user(request), slug=slug, version=version.number, request_id=_request_id(request.POST)
    )
    return redirect("scenarios:run", started.pk)


def _page(
    request: HttpRequest, draft: Draft, template: Scenario, own: Scenario | None, status: int = 200
) -> HttpResponse:
    """The page. A document that was not saved is reported at the top."""
    ahead = looked_ahead(draft.scenario) if draft.scenario is not None else None
    known = [(f"{one}, {one.summary['rows']:,} events", source_of(one)) for one in ready_readings()]
    context = {
        "form": Form(draft, known),
        "draft": draft,
        "ahead": ahead,
        "played": draft.document.get("source") if places.has_source(draft.document) else None,
        "template": template,
        "own": own,
        "refused": status != 200,
    }
    return render(request, "scenarios/editor.html", context, status=status)


def _with_name(sent: dict[str, str]) -> dict[str, str]:
    """Another recording chosen in the form brings its file name along."""
    chosen = sent.get("source.recording")
    if chosen and "source.name" in sent and chosen not in sent.get("base", ""):
        name = Recording.objects.filter(sha256=chosen).values_list("name", flat=True).first()
        return sent if name is None else {**sent, "source.name": name}
    return sent


def _first_of(reading: RecordingReading) -> Draft:
    name = scenario_name(reading)
    taken = Scenario.objects.filter(slug=slug_of(name)).exists()
    return Draft.of_document(document_of(reading, selectors.free_name(name, longest=_LONGEST_NAME) if taken else name))


def _first_text(request: HttpRequest, template: Scenario, own: Scenario | None) -> str:
    version = selectors.version_get(template.slug, request.GET.get("version"))
    content = version.content
    if own is None:
        content = content.model_copy(update={"name": selectors.free_name(template.name, longest=_LONGEST_NAME)})
    return as_yaml(content)


def _request_id(sent: QueryDict) -> UUID:
    try:
        return UUID(sent.get("request_id", ""))
    except ValueError:
        return uuid4()
