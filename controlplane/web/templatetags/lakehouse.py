"""The template tags of every page, and the guide to the page layout.

A page::

    {% extends "web/base.html" %}{% load lakehouse %}
    {% block title %}Stream{% endblock %}          the browser's tab
    {% block heading %}Stream {% state "running" %}{% endblock %}
    {% block subheading %}one sentence about the purpose of the page{% endblock %}
    {% block breadcrumb %}{% crumb "Runs" "orchestration:index" %}{% endblock %}    on detail pages
    {% block actions %}buttons{% endblock %}       at the right of the heading
    {% block content %}cards{% endblock %}
    {% block scripts %}{{ block.super }}{% charts %}{% endblock %}     only on pages with charts

Use tags for what looks the same on every page::

    {% state run.state %}  {% state "down" since=part.changed_at %}    one colour, icon and word for a state
    {% when run.started_at %}                     relative, ticking, absolute on hover; `{% when x "never" %}` for None
    {% since part.since %}                        `since 17:03`, for states
    {{ n|grouped }} {{ n|short }} {{ seconds|duration }} {{ size|filesize }} {{ amount|money:"EUR" }}
    {% number n "records" %}                      shortened, the whole on hover, with its unit
    {% icon "database" %}                         an icon of the Tabler set, hidden from screen readers
    {{ moment|clock:"%H:%M:%S" }}             a time in the user's time zone; Django's `date` fails in the year 9999
    {% copy value %}                              a value in monospace with a copy button
    {% empty "inbox" "No runs yet" "A run appears here when the DAG is triggered." %}
    {% blank "inbox" "No runs yet" %}any HTML, such as a form{% endblank %}
    {% field form.name %}                         label, input, help and errors of a form's field
    {% filters form "Filter runs" %}              above a list: a controlplane.web.filters.ListForm
    {% pager page %}                              below a list of controlplane.web.paging
    {% window columns "#schema" %}                below a part of a long list of controlplane.web.windows
    {% for key, value in mapping|pairs %}         entries of a mapping with foreign keys; never `mapping.items`

Actions are plain forms that work without scripts::

    <form method="post" action="{% url 'streaming:stop' %}"
          data-confirm="The stream stops after its current batch. It can be started again."
          data-confirm-button="Stop stream">
      {% csrf_token %}{% request_id %}
      <button class="btn btn-danger" data-busy="Stopping">Stop</button>
    </form>

`data-confirm` opens a confirmation dialog; with `data-confirm-type="name"` that word must be typed. `data-busy` is the
button's text while the request runs. A service's ActionError needs no handling in the view: after a POST the user is
redirected to the previous page with the message, on a GET it is shown as a page.

Live updates: the element names its stream, each fragment inside names the event that replaces it::

    <div hx-ext="sse" sse-connect="{% url 'streaming:live' %}">
      <div sse-swap="status">{% include "streaming/_status.html" %}</div>
    </div>

    def live(request):
        return stream_fragments(request, lambda: {"status": render_to_string("streaming/_status.html", …)})

The indicator at the top right shows live, reconnecting, offline or an ended session automatically. A fragment with a
form must not be swapped while it is filled in: keep forms outside. Give focusable elements inside an `id`, so that they
keep the focus.

Charts (`{% charts %}` in `scripts`)::

    <div class="chart" data-chart="line" data-source="{% url 'streaming:rates' %}" data-refresh="5"
         data-title="Records per second" data-unit="records/s" role="img" aria-label="Records per second, last hour">
    </div>

`data-chart`: line, area (stacked), bar (stacked with `data-stacked`). The source returns
{"series": [{"name", "points": [[iso, value or null], …]}]}, with "x": "category" if x is not a time. A series has the
same colour on every page (see COLOURS in charts.js). Null is a gap. Dragging zooms all charts of the page.

Tables: `<div class="card"><div class="table-responsive"><table class="table table-vcenter card-table">`, numbers in
`<td class="text-end number">`. A list without matches offers to clear its filters.
The content security policy allows no inline script, style or handler: classes only.
"""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from controlplane.printable import printable, printable_lines
from controlplane.web import moments
from controlplane.web.filters import LONGEST_MOMENT, ListForm
from controlplane.web.numbers import duration, filesize, grouped, money, short
from controlplane.web.undo import undo_of
from controlplane.web.windows import Window, pairs

register = template.Library()
register.filter("grouped", grouped)
register.filter("short", short)
register.filter("duration", duration)
register.filter("filesize", filesize)
register.filter("money", money)
register.filter("pairs", pairs)
register.filter("printable", printable)

# State -> colour of the Tabler set, icon, word. Synonyms of several systems map to one word.
STATES: dict[str, tuple[str, str, str]] = {
    "running": ("blue", "player-play", "running"),
    "starting": ("blue", "loader", "starting"),
    "stopping": ("blue", "loader", "stopping"),
    "waiting": ("azure", "clock", "waiting"),
    "succeeded": ("green", "check", "succeeded"),
    "failed": ("red", "x", "failed"),
    "refused": ("orange", "hand-stop", "rejected"),
    "stopped": ("secondary", "player-stop", "stopped"),
    "skipped": ("secondary", "player-skip-forward", "skipped"),
    "missed": ("orange", "clock-x", "missed"),
    "unknown": ("secondary", "help", "unknown"),
    "up": ("green", "check", "up"),
    "degraded": ("orange", "alert-triangle", "degraded"),
    "down": ("red", "plug-off", "down"),
    "active": ("green", "check", "active"),
    "invited": ("azure", "mail", "invited"),
    "deactivated": ("secondary", "ban", "deactivated"),
    "orphaned": ("orange", "alert-triangle", "orphaned"),
}
SYNONYMS = {
    "queued": "waiting",
    "scheduled": "waiting",
    "pending": "waiting",
    "requested": "waiting",
    "deferred": "waiting",
    "restarting": "starting",
    "success": "succeeded",
    "finished": "succeeded",
    "completed": "succeeded",
    "passed": "succeeded",
    "published": "succeeded",
    "error": "failed",
    "upstream_failed": "failed",
    "cancelled": "stopped",
    "canceled": "stopped",
    "removed": "skipped",
    "": "unknown",
    "none": "unknown",
}


@register.filter
def printable_text(text: str) -> str:
    """Untrusted text of several lines, with all other non-printable characters escaped."""
    return printable_lines(text, before="")


@register.simple_tag
def state(value: object, since: datetime | None = None, label: str = "") -> SafeString:
    """A state with its colour, icon and word; `since` adds its start."""
    key = str(getattr(value, "value", "" if value is None else value)).lower()
    key = SYNONYMS.get(key, key)
    colour, name, word = STATES.get(key, ("secondary", "help", key))
    text = format_html(
        '<span class="state state-{0} text-{1}" data-state="{0}">{2}<span>{3}</span></span>',
        key,
        colour,
        icon(name),
        label or word,
    )
    if since is None:
        return text
    return format_html('{} <span class="text-secondary">{}</span>', text, since_when(since))


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of the Tabler set. Screen readers ignore it, so put text beside it."""
    return format_html('<i class="ti ti-{}" aria-hidden="true"></i>', name)


@register.simple_tag
def when(moment: datetime | str | None, otherwise: str = "–") -> SafeString | str:
    """A relative time that the browser updates, with the absolute time in the user's zone on hover. An invalid text is
    shown unchanged."""
    if not moment:
        return format_html('<span class="text-secondary">{}</span>', otherwise)
    found = moments.read(moment) if isinstance(moment, str) else moment
    if found is None:
        return str(moment)[:LONGEST_MOMENT]
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        moments.iso(found),
        moments.written(found),
        _relative(found),
    )


@register.simple_tag(name="since")
def since_when(moment: datetime | None) -> SafeString:
    """`since 17:03`, with the date if it was not today, and the complete time on hover."""
    if not moment:
        return mark_safe("")
    local = moments.local(moment)
    today = local.date() == timezone.localdate()
    return format_html(
        'since <time datetime="{}" title="{}">{}</time>',
        moments.iso(moment),
        moments.written(moment),
        local.strftime("%H:%M" if today else "%Y-%m-%d %H:%M"),
    )


@register.simple_tag
def absolute(moment: datetime | None, otherwise: str = "–") -> SafeString:
    """An absolute time in the user's zone, to the second."""
    if not moment:
        return format_html('<span class="text-secondary">{}</span>', otherwise)
    return format_html('<time datetime="{}" class="number">{}</time>', moments.iso(moment), moments.written(moment))


@register.filter
def clock(moment: datetime | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time in the user's zone, formatted with strftime; empty if None."""
    return moments.local(moment).strftime(form) if moment else ""


@register.filter
def utc_clock(moment: datetime | None) -> str:
    """A time in UTC, to the second, for texts that name the zone; empty if None."""
    return f"{moments.utc(moment):%Y-%m-%d %H:%M:%S}" if moment else ""


def _relative(moment: datetime) -> str:
    # times.js uses the same words.
    seconds = round((timezone.now() - moments.utc(moment)).total_seconds())
    size = abs(seconds)
    if size < 1:
        return "now"
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (172_800, 3600, "h"), (10**12, 86_400, "days")):
        if size < limit:
            text = f"{size // unit} {name}"
            break
    return f"{text} ago" if seconds > 0 else f"in {text}"


@register.simple_tag
def number(value: float | Decimal | None, unit: str = "") -> SafeString:
    """A shortened number with its unit, and the complete number on hover."""
    if value is None:
        return mark_safe('<span class="text-secondary">–</span>')
    whole = f"{grouped(value)} {unit}".strip()
    return format_html(
        '<span class="number" title="{}">{}{}</span>',
        whole,
        short(value),
        format_html(' <span class="unit">{}</span>', unit) if unit else "",
    )


register.filter("undo", undo_of)


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """`mapping[key]`, or None."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.simple_tag
def request_id() -> SafeString:
    """A hidden field with the idempotency key of the form."""
    return format_html('<input type="hidden" name="request_id" value="{}">', uuid.uuid4())


@register.inclusion_tag("web/_field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """A field of a form with its label, help and errors, in Tabler's classes."""
    kind = getattr(bound.field.widget, "input_type", "textarea")
    # A browser truncates pasted text at maxlength silently. The form rejects it with an error instead.
    bound.field.widget.attrs.pop("maxlength", None)
    if kind not in ("radio", "checkbox"):
        bound.field.widget.attrs.setdefault("class", "form-select" if kind == "select" else "form-control")
    elif kind == "checkbox":
        bound.field.widget.attrs.setdefault("class", "form-check-input")
    if bound.errors:
        bound.field.widget.attrs["class"] = f"{bound.field.widget.attrs.get('class', '')} is-invalid".strip()
    return {"field": bound, "kind": kind}


@register.simple_tag
def copy(value: object, text: str = "") -> SafeString:
    """A value in monospace with a copy button."""
    return format_html(
        '<span class="copyable"><code title="{0}">{1}</code>'
        '<button type="button" class="btn btn-icon btn-ghost-secondary btn-copy" '
        'data-copy="{0}" aria-label="Copy {0}">{2}</button></span>',
        value,
        text or value,
        icon("copy"),
    )


@register.simple_tag
def crumb(label: str, route: str, *args: object) -> SafeString:
    """An entry of the block `breadcrumb`."""
    return format_html('<li class="breadcrumb-item"><a href="{}">{}</a></li>', reverse(route, args=args), label)


@register.simple_tag
def empty(icon_name: str, title: str, text: str = "", url: str = "", action: str = "") -> SafeString:
    """An empty state: what belongs here, and optionally a link to the first step."""
    button = (
        format_html('<div class="empty-action"><a class="btn btn-primary" href="{}">{}</a></div>', url, action)
        if url
        else ""
    )
    return _empty(icon_name, title, text, button)


@register.simple_block_tag
def blank(content: str, icon_name: str, title: str, text: str = "") -> SafeString:
    """An empty state with custom HTML below the text."""
    return _empty(icon_name, title, text, format_html('<div class="empty-action">{}</div>', content))


def _empty(icon_name: str, title: str, text: str, below: str) -> SafeString:
    return format_html(
        '<div class="empty"><div class="empty-icon">{}</div><p class="empty-title">{}</p>'
        '<p class="empty-subtitle text-secondary">{}</p>{}</div>',
        icon(icon_name),
        title,
        text,
        below,
    )


@register.inclusion_tag("web/_pager.html", takes_context=True)
def pager(context: dict[str, Any], page: Any) -> dict[str, Any]:
    """Links to the next and the first page of a list, keeping its filters."""
    return {"page": page, "request": context.get("request")}


@register.inclusion_tag("web/_window.html", takes_context=True)
def window(context: dict[str, Any], window: Window[Any], fragment: str = "") -> dict[str, Any]:
    """The shown part of a long list, with links to adjacent parts; `fragment` is its anchor on the page."""

    def address(start: str | None) -> str | None:
        if start is None:
            return None
        query = context["request"].GET.copy()
        query[window.parameter] = start
        return f"?{query.urlencode()}{fragment}"

    return {"window": window, "before": address(window.before), "after": address(window.after)}


@register.inclusion_tag("web/_filters.html", takes_context=True)
def filters(context: dict[str, Any], form: ListForm, label: str, fragment: str = "") -> dict[str, Any]:
    """The filters of a list, which apply automatically; `fragment` (`#snapshots`) is its anchor on the page."""
    return {"form": form, "label": label, "fragment": fragment, "request": context.get("request")}


@register.simple_tag
def charts() -> SafeString:
    """The scripts of charts, for the block `scripts` of a page with charts."""
    sources = [(static("packages/echarts.min.js"),), (static("web/js/charts.js"),)]
    return format_html_join("\n", '<script src="{}" defer></script>', sources)
