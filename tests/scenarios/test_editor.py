"""The editor: form and document are one thing, what is wrong is said at its field, and nothing wrong is kept."""

import html
from typing import Any

import pytest
import yaml

from controlplane.scenarios import selectors
from controlplane.scenarios.documents.presenters import as_yaml
from controlplane.scenarios.editor import acts, paths
from controlplane.scenarios.editor import field_paths as places
from controlplane.scenarios.editor.draft import Draft
from controlplane.scenarios.editor.fields import Field, Kind
from controlplane.scenarios.editor.form import Form
from controlplane.scenarios.generator.document import Scenario as Document
from controlplane.scenarios.generator.document import check
from controlplane.scenarios.generator.reading import library
from controlplane.scenarios.models import Scenario, ScenarioRun, ScenarioVersion
from tests.labels import Editor
from tests.pages import Page, Visitor
from tests.scenarios.editing import filled

SCRIPT = "<script>alert(1)</script>"
NEW, EDIT = "/scenarios/new/?like=flash-sale", "/scenarios/mine/edit/"
DOCUMENT = """
name: Mine
duration_seconds: 60
traffic: {stages: [{events_per_second: 50, duration_seconds: 20}, {events_per_second: 80}]}
population: {hot_product: {share: 0.5}}
faults: [{kind: late, rate: 0.01}, {kind: negative_price, rate: 0.02}]
thresholds: [{metric: failed_percent, over: 1}]
"""


def _counts() -> tuple[int, int, int]:
    return Scenario.objects.count(), ScenarioVersion.objects.count(), ScenarioRun.objects.count()


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        (Kind.NUMBER, "250", 250), (Kind.NUMBER, " 2,000 ", 2000), (Kind.NUMBER, "0.5", 0.5), (Kind.NUMBER, "", None),
        (Kind.NUMBER, "many", "many"), (Kind.NUMBER, "1e3", 1000.0), (Kind.PERCENT, "2", 0.02),
        (Kind.PERCENT, "0.1 %", 0.001), (Kind.PERCENT, "two", "two"), (Kind.TEXT, " a ", "a"), (Kind.FLAG, "on", True),
        (Kind.FLAG, "", None), (Kind.PROSE, "a\r\nb\r\n", "a\nb"),
    ],
)  # fmt: skip
def test_what_is_typed_becomes_a_value(kind: Kind, typed: str, value: Any) -> None:
    assert Field("x", "X", kind).read(typed) == value


@pytest.mark.parametrize("slug", sorted(slug for slug, _ in library()))
def test_a_form_that_nobody_touched_changes_nothing(slug: str) -> None:
    text = as_yaml(dict(library())[slug])
    draft = Draft.posted(filled(text))
    assert (draft.problems, draft.text) == ([], text)
    assert draft.scenario == dict(library())[slug]


@pytest.mark.parametrize("slug", sorted(slug for slug, _ in library()))
def test_every_field_of_the_form_shows_what_it_would_write(slug: str) -> None:
    document = yaml.safe_load(as_yaml(dict(library())[slug]))
    for place, field in places.every_field(document):
        value = places.value_at(document, place)
        if value is not None and field.kind is not Kind.PROSE:
            assert field.read(field.shown(value)) == value, place


def test_the_form_writes_the_document() -> None:
    draft = Draft.posted(
        filled(
            DOCUMENT, name="Renamed", faults__="", **{
                "faults[0].rate": "2", "traffic.stages[1].events_per_second": "1,500", "population.users": "10",
                "sessions.transitions.view.leave": "25", "sessions.transitions.view.view": "35", "traffic.loop": "",
            },
        )
    )  # fmt: skip
    assert draft.problems == []
    assert draft.scenario is not None
    assert (draft.scenario.name, draft.scenario.faults[0].rate) == ("Renamed", 0.02)
    assert draft.scenario.traffic.stages[1].events_per_second == 1500
    assert draft.scenario.population.users == 10
    # A row that was as by default is written out whole.
    assert draft.scenario.sessions.transitions["view"] == {
        "view": 0.35, "search": 0.13, "add_to_cart": 0.27, "leave": 0.25,
    }  # fmt: skip
    assert yaml.safe_load(draft.text) == draft.document
    assert Draft.of_text(draft.text).scenario == draft.scenario


def test_the_text_writes_the_form_and_keeps_its_comments() -> None:
    text = DOCUMENT.replace("rate: 0.02", "rate: 0.03") + "# mine\n"
    draft = Draft.posted({**filled(DOCUMENT), "document": text.replace("\n", "\r\n")})
    assert draft.text == text
    (rate,) = [field for field in Form(draft).faults[1].fields if field.field.key == "rate"]
    assert rate.value == "3"


def test_what_the_form_does_not_know_stays_in_the_document() -> None:
    text = DOCUMENT + "later: {thing: 1}\n"
    draft = Draft.posted(filled(text, name="Renamed"))
    assert yaml.safe_load(draft.text)["later"] == {"thing": 1}
    assert [str(problem) for problem in draft.problems] == [
        f"later: Unknown field. Allowed: {', '.join(sorted(Document.model_fields))}."
    ]  # fmt: skip


def test_both_sides_changed_is_a_question_and_loses_nothing() -> None:
    text = DOCUMENT.replace("rate: 0.02", "rate: 0.03")
    sent = {**filled(DOCUMENT, name="Renamed"), "document": text}
    asked = Draft.posted(sent)
    assert (asked.conflict, asked.text, asked.scenario) == (True, text, None)
    assert Form(asked).about[0].value == "Renamed"
    form, words = Draft.posted(sent, "use:form"), Draft.posted(sent, "use:text")
    assert form.scenario is not None
    assert words.scenario is not None
    assert (form.scenario.name, form.scenario.faults[1].rate) == ("Renamed", 0.02)
    assert (words.scenario.name, words.scenario.faults[1].rate) == ("Mine", 0.03)


def test_a_text_that_can_not_be_read_leaves_the_form_as_it_was() -> None:
    draft = Draft.posted({**filled(DOCUMENT), "document": "name: ["})
    assert draft.text == "name: ["
    assert draft.base == DOCUMENT
    assert [problem.field for problem in draft.problems] == ["document"]
    assert Form(draft).about[0].value == "Mine"


@pytest.mark.parametrize(
    ("act", "sent", "path", "value"),
    [
        ("add:faults", {"new-fault": "truncated"}, "faults[2]", {"kind": "truncated", "rate": 0.01}),
        ("add:faults", {"new-fault": "none such"}, "faults[2]", None),
        ("remove:faults[0]", {}, "faults", [{"kind": "negative_price", "rate": 0.02}]),
        ("remove:thresholds[0]", {}, "thresholds", None),
        ("add:thresholds", {"new-threshold": "bronze_lag_seconds"}, "thresholds[1].over", 60),
        ("remove:population.hot_product", {}, "population", None),
        ("add:traffic.stages", {}, "traffic.stages[1].duration_seconds", 20),
        ("down:traffic.stages[0]", {}, "traffic.stages[0]", {"events_per_second": 80, "duration_seconds": 20}),
        ("up:traffic.stages[0]", {}, "traffic.stages[0].events_per_second", 50),
        ("remove:traffic.stages[1]", {}, "traffic.stages", [{"events_per_second": 50}]),
        ("add:population.categories", {}, "population.categories[0].name", "shoes"),
        ("remove:faults[9]", {}, "faults[1].kind", "negative_price"),
        ("remove:name", {}, "name", "Mine"),
        ("nonsense", {}, "name", "Mine"),
    ],
)
def test_buttons_change_the_document(act: str, sent: dict[str, str], path: str, value: Any) -> None:
    document = yaml.safe_load(DOCUMENT)
    acts.do(document, act, sent)
    assert paths.get(document, path) == value
    check(document)


@pytest.mark.parametrize("shape", ["ramp", "step", "spike", "wave", "constant"])
def test_another_shape_keeps_what_it_knows_and_can_be_run(shape: str) -> None:
    draft = Draft.posted(filled(DOCUMENT, **{"traffic.stages[0].shape": shape}))
    assert draft.problems == []
    assert draft.scenario is not None
    assert (draft.scenario.traffic.stages[0].shape, draft.scenario.traffic.stages[0].events_per_second) == (shape, 50)


WRONG = [
    ("name", "", "field is missing", "Add the field"),
    ("name", "x" * 81, "", "Shorten"),
    ("duration_seconds", "-1", "-1", "at least 0.1"),
    ("duration_seconds", "soon", "soon", "number"),
    ("max_events", "0", "0", "at least 1"),
    ("max_events", "1.5", "1.5", "whole"),
    ("seed", "-4", "-4", "at least 0"),
    ("traffic.unit", "cars", "cars", ""),
    ("traffic.time_compression", "0", "0", "at least 1"),
    ("traffic.stages[0].events_per_second", "0", "0", "at least 0.01"),
    ("traffic.stages[0].events_per_second", "9e9", "", "at most 1,000,000"),
    ("traffic.stages[0].events_per_second", "nan", "nan", "finite"),
    ("traffic.stages[0].events_per_second", "inf", "inf", "finite"),
    ("traffic.stages[0].events_per_second", "", "missing", "Add the field"),
    ("traffic.stages[0].shape", "triangle", "triangle", ""),
    ("traffic.stages[0].duration_seconds", "-5", "-5", "greater than 0"),
    ("faults[0].rate", "500", "500%", "at most 100%"),
    ("faults[0].rate", "-1", "-1%", "greater than 0%"),
    ("faults[0].rate", "often", "often", "number"),
    ("faults[0].delay_seconds", "-1", "-1", "at least 0"),
    ("faults[1].from_seconds", "-1", "-1", "at least 0"),
    ("thresholds[0].over", "-1", "-1", "at least 0"),
    ("thresholds[0].for_seconds", "99999", "99999", "at most 3,600"),
    ("population.users", "0", "0", "at least 1"),
    ("population.products", "1e9", "", "whole"),
    ("population.popularity", "7", "7", "at most 3"),
    ("population.hot_product.share", "120", "120%", "at most 100%"),
    ("population.devices.mobile", "0", "0", "greater than 0"),
    ("sessions.think_seconds", "0", "0", "at least 0.05"),
    ("sessions.conversion", "100", "100%", "less than 100%"),
    ("sessions.basket.most_lines", "9", "9", "at most 8"),
    ("sessions.dwell_seconds.view", "9999", "9999", "at most 3,600"),
    ("sessions.transitions.view.leave", "250", "250%", "at most 100%"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("place", "typed", "message", "remedy"), WRONG, ids=[f"{p}={t[:9]}" for p, t, _, _ in WRONG])
def test_each_error_stands_at_its_field_and_nothing_is_kept(
    operator: Visitor, place: str, typed: str, message: str, remedy: str
) -> None:
    before = _counts()
    answer = operator.post(NEW, {**filled(DOCUMENT, **{place: typed}), "act": "save-run"})
    assert answer.status_code == 422
    form: Form = answer.context["form"]
    (problem,) = form.said_at(place)
    assert message in problem.message
    assert remedy in problem.remedy
    page = Page.of(answer)
    field = page.field(place)
    assert field.errors == " ".join(f"{problem.message} {problem.remedy}".split())
    assert field.is_wrong
    assert f"#{field.element.get('id')}" in page.part("to-mend").links.values()
    assert _counts() == before


@pytest.mark.parametrize(
    ("typed", "slot", "says"),
    [
        ({"sessions.transitions.view.view": "50"}, "sessions.transitions.view", "114%"),
        ({"faults[0].rate": "60", "faults[1].rate": "60"}, "faults", "more than 1"),
        ({"traffic.stages[0].duration_seconds": ""}, "traffic.stages", "duration_seconds"),
        ({"traffic.stages[0].duration_seconds": "90"}, "duration_seconds", "after the end"),
        (
            {"faults[0].from_seconds": "9", "faults[0].until_seconds": "3"},
            "faults[0].until_seconds",
            "must be after the start",
        ),
        ({"thresholds[0].under": "3"}, "thresholds[0]", "either over or under"),
        ({"sessions.conversion": "99"}, "sessions.conversion", "unreachable"),
    ],
)
def test_what_does_not_fit_together_is_said_where_it_is(typed: dict[str, str], slot: str, says: str) -> None:
    draft = Draft.posted(filled(DOCUMENT, **typed))
    assert draft.scenario is None
    (problem,) = Form(draft).said_at(slot)
    assert says in problem.message


def test_row_sums_are_shown() -> None:
    rows = {row.name.rsplit(".", 1)[1]: row for row in Form(Draft.of_text(DOCUMENT)).transitions}
    assert {row.sums for row in rows.values()} == {"100"}
    changed = Form(Draft.posted(filled(DOCUMENT, **{"sessions.transitions.view.view": "30"}))).transitions[1]
    assert (changed.state, changed.sums, changed.complete) == ("view", "94", False)


def _with_script() -> str:
    """A document with script in every text field that it can have, values and keys."""
    return yaml.safe_dump(
        {
            "name": SCRIPT, "description": SCRIPT, "teaches": SCRIPT, "seed": SCRIPT, "duration_seconds": SCRIPT,
            "max_events": SCRIPT, SCRIPT: SCRIPT,
            "traffic": {
                "unit": SCRIPT, "loop": SCRIPT, "time_compression": SCRIPT, SCRIPT: 1,
                "stages": [{"shape": SCRIPT, "events_per_second": SCRIPT, "duration_seconds": SCRIPT}, SCRIPT,
                           {"shape": "spike", "events_per_second": SCRIPT, "before": SCRIPT, SCRIPT: SCRIPT}],
            },
            "population": {
                "users": SCRIPT, "products": SCRIPT, "popularity": SCRIPT, "devices": {SCRIPT: SCRIPT},
                "categories": [{"name": SCRIPT, "median_price": SCRIPT}],
                "countries": [{"code": SCRIPT, "currency": SCRIPT}], "hot_product": {"share": SCRIPT},
            },
            "sessions": {
                "think_seconds": SCRIPT, "conversion": SCRIPT, "basket": {"most_lines": SCRIPT},
                "dwell_seconds": {SCRIPT: SCRIPT, "view": SCRIPT},
                "transitions": {"view": {"leave": SCRIPT, SCRIPT: SCRIPT}, SCRIPT: {"view": SCRIPT}},
            },
            "faults": [{"kind": SCRIPT, "rate": SCRIPT, "from_seconds": SCRIPT}, {"kind": "late", "rate": SCRIPT}],
            "thresholds": [{"metric": SCRIPT, "over": SCRIPT, "under": SCRIPT}],
        }
    )  # fmt: skip


@pytest.mark.django_db
def test_script_in_every_text_field_stays_text(operator: Visitor) -> None:
    before = _counts()
    for sent in ({"document": _with_script()}, {"document": _with_script(), "act": "check"}):
        page = Page.of(operator.post(NEW, sent))
        assert SCRIPT not in page.html
        assert page.html.count(html.escape(SCRIPT)) > 30
    for place, _ in places.every_field(yaml.safe_load(DOCUMENT)):
        page = operator.post(NEW, {**filled(DOCUMENT, **{place: f'"{SCRIPT}'}), "act": "check"}).content.decode()
        assert SCRIPT not in page, place
    assert _counts() == before


@pytest.mark.django_db
def test_script_in_the_words_of_a_kept_scenario_is_escaped_wherever_they_are_shown(operator: Visitor) -> None:
    text = yaml.safe_dump({**yaml.safe_load(DOCUMENT), "name": SCRIPT, "description": SCRIPT, "teaches": SCRIPT})
    run = operator.post(NEW, {"document": text, "act": "save-run"})["Location"]
    slug = Scenario.objects.get(name=SCRIPT).slug
    run_id = run.rstrip("/").rsplit("/", 1)[1]
    for page in (
        "/", "/scenarios/", "/scenarios/runs/", run, f"/scenarios/{slug}/", f"/scenarios/{slug}/edit/",
        f"/scenarios/new/?like={slug}", f"{run}report.html", f"/scenarios/compare/?run={run_id}", "/activity/",
    ):  # fmt: skip
        answer = operator.get(page)
        assert answer.status_code == 200, page
        assert SCRIPT not in answer.content.decode(), page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: " + "x" * 300_000, "the maximum is 262,144"),
        ("a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b]", "aliases"),
        ("[" * 5000, "nested more than 20 levels deep"),
        (DOCUMENT + "seeed: 3\n", "Did you mean seed?"),
        (DOCUMENT.replace("events_per_second: 80", "event_per_second: 80"), "Did you mean events_per_second?"),
        (DOCUMENT.replace("kind: late", "kind: lat"), "Did you mean late?"),
        ("", "not a mapping of keys and values"),
    ],
    ids=["large", "aliases", "deep", "unknown key", "unknown key of a stage", "unknown kind", "empty"],
)
def test_hostile_and_mistaken_documents_are_said_to_be_wrong(operator: Visitor, text: str, says: str) -> None:
    before = _counts()
    answer = operator.post(NEW, {"document": text, "base": DOCUMENT, "act": "save"})
    assert answer.status_code == 422
    assert says in Page.of(answer).part("to-mend")
    assert _counts() == before


@pytest.mark.django_db
def test_ten_megabytes_are_refused_before_they_are_read(operator: Visitor) -> None:
    before = _counts()
    answer = operator.post(NEW, {"document": "name: " + "x" * 10_000_000})
    assert answer.status_code == 413
    assert Editor.TOO_LARGE in Page.of(answer)
    assert _counts() == before


@pytest.mark.django_db
def test_a_flash_sale_is_made_in_two_fields(operator: Visitor) -> None:
    save = operator.page(NEW).action(Editor.SAVE_AND_RUN)
    for _ in range(2):
        # Asked twice, it is one scenario and one run.
        answer = save.press(**{"faults[0].rate": "3", "faults[1].rate": "0.5"})
        assert answer["Location"] == f"/scenarios/runs/{save.fields['request_id']}/"
    run = ScenarioRun.objects.get()
    assert [(fault.kind, fault.rate) for fault in run.version.content.faults] == [
        ("late", 0.03), ("negative_price", 0.005),
    ]  # fmt: skip
    assert (run.version.scenario.name, run.version.number) == ("Flash sale (copy)", 1)
    assert operator.page(NEW).field("name").value == "Flash sale (copy 2)"


@pytest.mark.django_db
def test_a_change_is_the_next_version_and_a_built_in_one_is_never_changed(operator: Visitor) -> None:
    operator.post(NEW, {"document": DOCUMENT})
    answer = operator.page(EDIT).action(Editor.SAVE).press(**{"faults[0].rate": "9"})
    assert answer["Location"] == "/scenarios/mine/"
    assert [version.content.faults[0].rate for version in Scenario.objects.get(slug="mine").versions.all()] == [
        0.09,
        0.01,
    ]
    assert operator.page("/scenarios/mine/edit/?version=1").field("faults[0].rate").value == "1"
    assert operator.get("/scenarios/flash-sale/edit/")["Location"] == NEW
    taken = operator.post(NEW, {"document": DOCUMENT.replace("60", "61")})
    assert taken.status_code == 422
    assert "Scenario Mine already exists." in Page.of(taken).field("name").errors
    assert selectors.newest_version("mine").number == 2


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/scenarios/none/edit/", "/scenarios/new/?like=none", f"{NEW}&version=99"])
def test_what_is_not_there_can_not_be_edited(operator: Visitor, address: str) -> None:
    assert operator.get(address).status_code == 404


@pytest.mark.django_db
def test_the_preview_is_of_what_is_written_now(operator: Visitor) -> None:
    answer = operator.post(NEW, {**filled(DOCUMENT, **{"faults[0].rate": "50"}), "act": "check"})
    page, ahead = Page.of(answer), answer.context["ahead"]
    assert ahead.found.total == 20 * 50 + 40 * 80
    assert ahead.found.by_fault["late"] == pytest.approx(ahead.found.total / 2, rel=0.01)
    assert len(ahead.samples) == 20
    assert page.part("preview").fact(Editor.RECORDS) == "4,200"
    assert not Scenario.objects.filter(slug="mine").exists()


@pytest.mark.django_db
def test_a_viewer_has_no_editor(viewer: Visitor) -> None:
    assert viewer.get(NEW).status_code == 403
    assert viewer.post(NEW, {"document": DOCUMENT}).status_code == 403
    assert not Scenario.objects.filter(slug="mine").exists()
