"""A page of the control plane as a person reads it: headings, tables, facts, fields and actions by their names.

Tests ask for what a page says and offers, not for its markup::

    page = operator.page("/stream/")
    assert page.heading == "Stream"
    assert page.state == "stopped"
    assert page.table("Batches").rows[0]["Rows"] == "100"
    page.action("Start").press()

A name that is not there fails with the names that are. Where markup changes, this module changes, and no test does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin

from django.http import HttpResponseBase
from django.test import Client
from lxml.etree import _Element as Element
from lxml.html import HtmlElement, document_fromstring

if TYPE_CHECKING:
    from django.http import HttpResponse

_CONTROLS = ("input", "select", "textarea")
_SUBMITS = ".//button[not(@type) or @type='submit'][ancestor::form or @form]"
_HEADINGS = ("h1", "h2", "h3", "h4")
_BLOCKS = frozenset(
    [*_HEADINGS, "br", "button", "dd", "details", "div", "dt", "li", "option", "p", "pre", "summary", "td", "th", "tr"]
)
# What stands at a control: what is wrong with it, and help.
_WRONG = frozenset({"invalid-feedback", "text-danger", "said"})


def words(element: Element) -> str:
    """The text of `element`, its white space made single spaces; what is in different blocks never runs together."""
    parts: list[str] = []

    def collect(one: Element) -> None:
        if one.tag in ("script", "style") or not isinstance(one.tag, str):
            return
        block = one.tag in _BLOCKS
        parts.append(" " if block else "")
        parts.append(one.text or "")
        for child in one:
            collect(child)
            parts.append(child.tail or "")
        parts.append(" " if block else "")

    collect(element)
    return re.sub(r"\s+", " ", "".join(parts)).strip()


def _has_class(name: str) -> str:
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


_NOTE = " or ".join(["@role='alert'", *map(_has_class, [*sorted(_WRONG), "form-hint"])])


def _name(element: HtmlElement) -> str:
    """The accessible name: `aria-label`, else the text, else the title."""
    return element.get("aria-label") or words(element) or element.get("title", "")


@dataclass(frozen=True)
class Row:
    """A row of a table: its cells by the names of the columns."""

    cells: dict[str, str]
    part: "Part"

    def __getitem__(self, column: str) -> str:
        if column not in self.cells:
            raise AssertionError(f"no column {column!r} among {list(self.cells)}")
        return self.cells[column]

    def __str__(self) -> str:
        return " ".join(self.cells.values())


@dataclass(frozen=True)
class Table:
    """`totals` is the row below all others, where there is one."""

    columns: list[str]
    rows: list[Row]
    totals: Row | None = None

    def column(self, name: str) -> list[str]:
        """The cells of one column, from the first row to the last."""
        return [row[name] for row in self.rows]

    def row(self, text: str) -> Row:
        """The only row that contains `text`."""
        found = [row for row in self.rows if text in str(row)]
        assert len(found) == 1, f"{len(found)} rows with {text!r} among {[str(row) for row in self.rows]}"
        return found[0]


@dataclass(frozen=True)
class Field:
    """A control of a form with what is said of it. `value` of a checkbox is whether it is checked, of radio buttons
    that of the checked one; `choices` are theirs or the options, with their labels."""

    name: str
    value: Any
    errors: str
    help: str
    choices: dict[str, str]
    element: HtmlElement

    @property
    def is_wrong(self) -> bool:
        """Whether it is marked as wrong, for those who don't see its colour."""
        return self.element.get("aria-invalid") == "true"


@dataclass(frozen=True)
class Chart:
    """`address` answers with its points; `label` says in words what it shows."""

    address: str
    label: str


@dataclass(frozen=True)
class Action:
    """A button with the form that it sends. `question` is what is asked before, empty where nothing is."""

    label: str
    url: str
    method: str
    fields: dict[str, str]
    question: str
    is_disabled: bool
    form: HtmlElement = field(compare=False, repr=False)
    client: Client | None = field(compare=False, default=None)

    def press(self, **values: Any) -> "HttpResponse":
        """Send the form as the browser does, with `values` in place of what its fields hold."""
        assert self.client is not None, "this page was not got by a visitor"
        assert not self.is_disabled, f"{self.label} is disabled"
        send = self.client.post if self.method == "post" else self.client.get
        return cast("HttpResponse", send(self.url, {**self.fields, **values}))


class Part:
    """A piece of a page, and what a person finds in it."""

    def __init__(self, element: HtmlElement, client: Client | None = None, address: str = "") -> None:
        self.element, self._client, self._address = element, client, address

    def __contains__(self, text: str) -> bool:
        return text in self.text

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.text!r}>"

    @cached_property
    def text(self) -> str:
        return words(self.element)

    def _all(self, path: str) -> list[HtmlElement]:
        return cast("list[HtmlElement]", self.element.xpath(path))

    def _part(self, element: HtmlElement) -> "Part":
        return Part(element, self._client, self._address)

    # Where things are

    def part(self, id: str) -> "Part":
        """The piece with this id."""
        found = self._all(f".//*[@id='{id}']")
        if not found:
            raise AssertionError(f"no part #{id} among {[one.get('id') for one in self._all('.//*[@id]')]}")
        return self._part(found[0])

    def has(self, id: str) -> bool:
        return bool(self._all(f".//*[@id='{id}']"))

    @cached_property
    def headings(self) -> list[str]:
        """The headings below the page's own, in their order."""
        return [words(one) for one in self._all(".//h2 | .//h3 | .//h4")]

    def card(self, title: str) -> "Part":
        """The card, the alert or the labelled section with this heading."""
        label = f"self::section[@aria-label={_literal(title)}]"
        for one in self._all(f".//*[{_has_class('card')} or {_has_class('alert')} or {label}]"):
            heads = one.xpath(f".//*[self::h2 or self::h3 or self::h4 or {_has_class('card-title')}]")
            if one.get("aria-label") == title or (heads and words(heads[0]) == title):
                return self._part(one)
        raise AssertionError(f"no card {title!r} among {self.headings}")

    # What it says

    @property
    def state(self) -> str:
        """The first state that is shown, in the words of `web.templatetags.lakehouse.STATES`."""
        assert self.states, "no state is shown"
        return self.states[0]

    @cached_property
    def states(self) -> list[str]:
        return [one.get("data-state", "") for one in self._all(".//*[@data-state]")]

    @property
    def is_empty(self) -> bool:
        """Whether it says that there is nothing to show (yet): the tag `empty`."""
        return bool(self._all(f".//*[{_has_class('empty')}]"))

    @cached_property
    def alerts(self) -> list[str]:
        """What it says with urgency, beside the errors at its fields."""
        said = [words(one) for one in self._all(".//*[@role='alert']")]
        return [text for text in said if text]

    @cached_property
    def written_moments(self) -> list[str]:
        """The moments that it names, written out."""
        return [one.get("title") or words(one) for one in self._all(".//time")]

    @cached_property
    def facts(self) -> dict[str, str]:
        """What stands beside a name: definition lists, data grids, and tables whose rows are a name and a value."""
        found = {}
        for one in self._all(f".//*[{_has_class('datagrid-item')}]"):
            title, content = (one.xpath(f".//*[{_has_class(f'datagrid-{kind}')}]")[0] for kind in ("title", "content"))
            found[words(title)] = words(content)
        for one in self._all(".//dt"):
            found[words(one)] = " ".join(words(said) for said in one.xpath("following-sibling::*[1][self::dd]"))
        for one in self._all(".//table[not(thead)]/tbody/tr[count(*) = 2]/th[@scope='row']"):
            found[words(one)] = words(one.xpath("following-sibling::td")[0])
        return found

    def fact(self, name: str) -> str:
        if name not in self.facts:
            raise AssertionError(f"no fact {name!r} among {list(self.facts)}")
        return self.facts[name]

    @cached_property
    def tables(self) -> list[Table]:
        return [self._table(one) for one in self._all(".//table")]

    def table(self, title: str = "") -> Table:
        """The table of the card with this title; without one, the only table."""
        if not title:
            assert len(self.tables) == 1, f"{len(self.tables)} tables"
            return self.tables[0]
        return self.card(title).table()

    def _table(self, table: HtmlElement) -> Table:
        columns = [_name(one) for one in table.xpath("./thead/tr[last()]/*")]
        totals = table.xpath("./tfoot/tr")
        return Table(
            columns,
            [self._row(columns, one) for one in table.xpath("./tbody/tr")],
            self._row(columns, totals[0]) if totals else None,
        )

    def _row(self, columns: list[str], row: HtmlElement) -> Row:
        return Row(dict(zip(columns, map(words, row.xpath("./td | ./th")), strict=False)), self._part(row))

    # What it offers

    @cached_property
    def links(self) -> dict[str, str]:
        """The addresses that its links lead to, by their names; of several with one name, the first."""
        found: dict[str, str] = {}
        for one in self._all(".//a[@href]"):
            found.setdefault(_name(one), one.get("href", ""))
        return found

    @property
    def addresses(self) -> list[str]:
        """Where the links of its content lead, in their order."""
        return [one.get("href", "") for one in self._all(".//a[@href]")]

    def link(self, name: str) -> str:
        if name not in self.links:
            raise AssertionError(f"no link {name!r} among {list(self.links)}")
        return self.links[name]

    @cached_property
    def moments(self) -> list[datetime]:
        """The moments that it names, to the second, in their order."""
        return [datetime.fromisoformat(one.get("datetime", "")) for one in self._all(".//time[@datetime]")]

    @cached_property
    def chosen(self) -> list[str]:
        """The names of the links that lead to what is shown now."""
        return [_name(one) for one in self._all(".//a[@aria-current]")]

    @cached_property
    def charts(self) -> dict[str, Chart]:
        """The charts that read their points from an address, by their titles."""
        return {
            one.get("data-title", ""): Chart(one.get("data-source", ""), one.get("aria-label", ""))
            for one in self._all(".//*[@data-source]")
        }

    @cached_property
    def frames(self) -> dict[str, str]:
        """The addresses of the pages that stand in it, by their titles."""
        return {one.get("title", ""): one.get("src", "") for one in self._all(".//iframe")}

    @cached_property
    def actions(self) -> list[Action]:
        """The buttons that send a form, in their order."""
        return [self._action(one) for one in self._all(_SUBMITS)]

    def action(self, label: str) -> Action:
        found = self.actions_named(label)
        if not found:
            raise AssertionError(f"no action {label!r} among {[one.label for one in self.actions]}")
        return found[0]

    def actions_named(self, label: str) -> list[Action]:
        return [one for one in self.actions if one.label == label]

    def offers(self, label: str) -> bool:
        return bool(self.actions_named(label))

    def _action(self, button: HtmlElement) -> Action:
        form, controls = self._form(button)
        sent = {name: value for control in controls for name, value in _sent(control)}
        if button.get("name"):
            sent[button.get("name")] = button.get("value", "")
        method = (button.get("formmethod") or form.get("method") or "get").lower()
        # A form that is sent by GET puts its fields in place of the page's own query.
        own = self._address if method == "post" else self._address.partition("?")[0]
        return Action(
            label=_name(button),
            url=urljoin(self._address, button.get("formaction") or form.get("action") or own),
            method=method,
            fields=sent,
            question=button.get("data-confirm") or form.get("data-confirm") or "",
            is_disabled="disabled" in button.attrib or button.get("aria-disabled") == "true",
            form=form,
            client=self._client,
        )

    def _form(self, button: HtmlElement) -> tuple[HtmlElement, list[HtmlElement]]:
        """(the form that a button sends, its controls): what names a form by its id belongs to it wherever it is."""
        root, id = self.element.getroottree(), button.get("form")
        form = root.xpath(f"//form[@id={_literal(id)}]")[0] if id else button.xpath("ancestor::form[1]")[0]
        elsewhere = root.xpath(f"//*[@form={_literal(form.get('id'))}]") if form.get("id") else []
        within = [one for one in _controls(form) if one.get("form") in (None, form.get("id"))]
        return form, [*within, *(one for one in elsewhere if one.tag in _CONTROLS and one.get("name"))]

    def field(self, label: str) -> Field:
        """The control with this label or, where it has none that is shown, with this name."""
        for control in _controls(self.element):
            if control.get("name") == label or label in self._labels(control):
                return self._field(control)
        named = [(self._labels(one) or [one.get("name", "")])[0] for one in _controls(self.element)]
        raise AssertionError(f"no field {label!r} among {named}")

    @cached_property
    def errors(self) -> dict[str, str]:
        """What is said to be wrong, by the names of the controls."""
        found = {one.get("name", ""): self._field(one).errors for one in _controls(self.element)}
        return {name: said for name, said in found.items() if said}

    @cached_property
    def controls(self) -> list[str]:
        """The names of the controls, in their order."""
        return [one.get("name", "") for one in _controls(self.element)]

    @cached_property
    def copied(self) -> list[str]:
        """What the buttons beside values put on the clipboard, in their order."""
        return [one.get("data-copy", "") for one in self._all(".//button[@data-copy]")]

    def _labels(self, control: HtmlElement) -> list[str]:
        id = control.get("id")
        found = self.element.getroottree().xpath(f"//label[@for={_literal(id)}]") if id else []
        named = [words(one) for one in [*found, *control.xpath("ancestor::label")]]
        return [*([control.get("aria-label")] if control.get("aria-label") else []), *named]

    def _field(self, control: HtmlElement) -> Field:
        root = self.element.getroottree()
        described = (control.get("aria-describedby") or "").split()
        named = [one for id in described for one in root.xpath(f"//*[@id={_literal(id)}]")]
        # Several notes may stand in one element.
        notes = [note for one in named for note in (one.xpath(f".//*[{_NOTE}]") or [one])]
        # What is hidden has no place on the page, so nothing stands around it.
        if control.get("type") != "hidden":
            for around in control.xpath("ancestor::*[self::div or self::fieldset or self::td or self::li][1]"):
                notes += around.xpath(f".//*[{_NOTE}]")
        said = {one: words(one) for one in notes}
        errors = {one for one in said if one.get("role") == "alert" or set((one.get("class") or "").split()) & _WRONG}
        return Field(
            name=control.get("name", ""),
            value=self._chosen(control),
            errors=" ".join(text for one, text in said.items() if text and one in errors),
            help=" ".join(text for one, text in said.items() if text and one not in errors),
            choices={one.get("value", ""): " ".join(self._labels(one)) for one in self._radios(control)}
            or {one.get("value", words(one)): words(one) for one in control.xpath(".//option")},
            element=control,
        )

    def _chosen(self, control: HtmlElement) -> Any:
        if control.get("type") == "checkbox":
            return "checked" in control.attrib
        if radios := self._radios(control):
            return next((_value(one) for one in radios if "checked" in one.attrib), "")
        return _value(control)

    def _radios(self, control: HtmlElement) -> list[HtmlElement]:
        """The radio buttons of which `control` is one."""
        if control.get("type") != "radio":
            return []
        form = control.xpath("ancestor::form[1]") or [self.element]
        return [one for one in _controls(form[0]) if one.get("name") == control.get("name")]


class Page(Part):
    """A whole page. What a `Part` finds is looked for in its content, without the menu and the dialogs around it."""

    def __init__(self, html: str, client: Client | None = None, address: str = "") -> None:
        self.html = html
        self.document = document_fromstring(html)
        main = self.document.xpath("//main") or self.document.xpath("//body")
        super().__init__(main[0], client, address)
        header = self.document.xpath(f"//header[{_has_class('page-header')}]")
        self._header = self._part(header[0]) if header else None

    @classmethod
    def of(cls, answer: HttpResponseBase, client: Client | None = None) -> "Page":
        """The page of an answer of Django's test client."""
        request = getattr(answer, "request", {})
        query = request.get("QUERY_STRING", "")
        address = str(request.get("PATH_INFO", "")) + (f"?{query}" if query else "")
        return cls(cast("HttpResponse", answer).content.decode(), client, address)

    @property
    def is_whole(self) -> bool:
        """Whether it is a page of its own; otherwise it is a part that a script puts into one."""
        return bool(self.document.xpath("//title"))

    @property
    def heading(self) -> str:
        return " ".join(words(one) for one in self.document.xpath("//h1"))

    @property
    def subheading(self) -> str:
        return " ".join(words(one) for one in self.document.xpath(f"//*[{_has_class('page-subtitle')}]"))

    @property
    def zone(self) -> str:
        """The zone in which scripts write its times."""
        return str(self.document.xpath("/html")[0].get("data-zone", ""))

    @property
    def title(self) -> str:
        return words(self.document.xpath("//title")[0])

    @property
    def menu(self) -> dict[str, str]:
        """The addresses that the menu leads to, by their names."""
        return {_name(one): one.get("href", "") for one in self.document.xpath("//aside//a[@href]")}

    @property
    def breadcrumb(self) -> dict[str, str]:
        return {_name(one): one.get("href", "") for one in self.document.xpath("//nav[@aria-label='Breadcrumb']//a")}

    @cached_property
    def states(self) -> list[str]:
        """The states of the heading first, then those of the content."""
        own = self._header.states if self._header else []
        return [*own, *(one.get("data-state", "") for one in self._all(".//*[@data-state]"))]

    @cached_property
    def actions(self) -> list[Action]:
        """The actions beside the heading first, then those of the content."""
        own = self._header.actions if self._header else []
        return [*own, *(self._action(one) for one in self._all(_SUBMITS))]

    @cached_property
    def links(self) -> dict[str, str]:
        found = dict(self._header.links) if self._header else {}
        for one in self._all(".//a[@href]"):
            found.setdefault(_name(one), one.get("href", ""))
        return found

    @cached_property
    def messages(self) -> list[str]:
        """What the page reports of the last action."""
        return [words(one) for one in self.document.xpath("//*[@id='messages']/*")]


class Visitor(Client):
    """A client of Django that reads pages."""

    def page(self, address: str, status: int = 200) -> Page:
        """The page at `address`, which must answer with `status`; redirects are followed."""
        answer = self.get(address, follow=True)
        assert answer.status_code == status, f"{address} answers {answer.status_code}"
        return Page.of(answer, self)

    def fragment(self, address: str, status: int = 200) -> Page:
        """What the address answers to a script that puts it into a page."""
        answer = self.get(address, headers={"HX-Request": "true"})
        assert answer.status_code == status, f"{address} answers {answer.status_code}"
        return Page.of(answer, self)


def _literal(text: str) -> str:
    """`text` as a string of XPath 1.0, which knows no escapes."""
    if '"' not in text:
        return f'"{text}"'
    return "concat(" + ", '\"', ".join(f'"{piece}"' for piece in text.split('"')) + ")"


def _controls(part: HtmlElement) -> Iterator[HtmlElement]:
    for one in part.iter(*_CONTROLS):
        if one.get("name"):
            yield one


def _value(control: HtmlElement) -> str:
    if control.tag == "select":
        options = control.xpath(".//option")
        chosen = [one for one in options if "selected" in one.attrib] or options[:1]
        return chosen[0].get("value", words(chosen[0])) if chosen else ""
    if control.tag == "textarea":
        return (control.text or "").removeprefix("\n")
    return control.get("value", "")


def _sent(control: HtmlElement) -> list[tuple[str, str]]:
    """What a browser sends of a control: nothing of one that is disabled, not checked, or a file."""
    kind = control.get("type", "text")
    if "disabled" in control.attrib or kind in ("file", "submit", "button"):
        return []
    if kind in ("checkbox", "radio"):
        return [(control.get("name", ""), control.get("value", "on"))] if "checked" in control.attrib else []
    return [(control.get("name", ""), _value(control))]
