"""The tags of every page, and the guide to the shell that they live in.

A page::

    {% extends "web/base.html" %}{% load lakehouse %}
    {% block title %}Stream{% endblock %}          the browser's tab; also the heading unless `heading` is given
    {% block heading %}Stream {% state "running" %}{% endblock %}
    {% block subheading %}one sentence of what this page is for{% endblock %}
    {% block breadcrumb %}{% crumb "Runs" "orchestration:index" %}{% endblock %}    on detail pages
    {% block actions %}buttons{% endblock %}       at the right of the heading
    {% block content %}cards{% endblock %}
    {% block scripts %}{{ block.super }}{% charts %}{% endblock %}     only on pages with charts

Say with tags what is said the same everywhere::

    {% state run.state %}  {% state "down" since=part.changed_at %}    one colour, icon and word for a state
    {% when run.started_at %}                     relative, ticking, absolute on hover; `{% when x "never" %}` for None
    {% since part.since %}                        `since 17:03`, for states
    {{ n|grouped }} {{ n|short }} {{ seconds|duration }} {{ size|filesize }} {{ amount|money:"EUR" }}
    {% number n "records" %}                      shortened, the whole on hover, with its unit
    {% icon "database" %}                         an icon of the Tabler set, hidden from screen readers
    {{ moment|clock:"%H:%M:%S" }}             a moment in the person's zone; Django's `date` fails in the year 9999
    {% copy value %}                              a value in monospace with a copy button
    {% empty "inbox" "No runs yet" "A run appears here when the DAG is triggered." %}
    {% blank "inbox" "No runs yet" %}any html, a form for instance{% endblank %}
    {% field form.name %}                         label, input, help and errors of a form's field
    {% filters form "Filter the runs" %}          over a list: a controlplane.web.filters.ListForm of the address
    {% pager page %}                              under a list made by controlplane.web.paging
    {% window columns "#schema" %}                under a part of a long list, by controlplane.web.windows
    {% for key, value in mapping|pairs %}         entries of a mapping with others' keys; never `mapping.items`

Actions are plain forms, and work without a script::

    <form method="post" action="{% url 'streaming:stop' %}"
          data-confirm="The stream stops after its current batch. It can be started again."
          data-confirm-button="Stop the stream">
      {% csrf_token %}{% request_id %}
      <button class="btn btn-danger" data-busy="Stopping">Stop</button>
    </form>

`data-confirm` asks first; `data-confirm-type="name"` also wants that word typed. `data-busy` is what the button says
while the answer is awaited. A service's ActionError needs no handling in the view: after a POST the person is sent back
to the page they came from with the message, on a GET they see it as a page.

Live parts: the element names its stream, each part inside names the event that replaces it::

    <div hx-ext="sse" sse-connect="{% url 'streaming:live' %}">
      <div sse-swap="status">{% include "streaming/_status.html" %}</div>
    </div>

    def live(request):
        return stream_fragments(request, lambda: {"status": render_to_string("streaming/_status.html", …)})

The mark at the top right says live, reconnecting, offline or that the session has ended by itself. A part that holds a
form must not be swapped while it is filled in: keep forms outside. Give focusable things inside an `id`, so that focus
survives the swap.

Charts (`{% charts %}` in `scripts`)::

    <div class="chart" data-chart="line" data-source="{% url 'streaming:rates' %}" data-refresh="5"
         data-title="Records per second" data-unit="records/s" role="img" aria-label="Records per second, last hour">
    </div>

`data-chart`: line, area (stacked), bar (stacked with `data-stacked`). The source answers
{"series": [{"name", "points": [[iso, value or null], …]}]}, with "x": "category" where x is no time. A name gets the
same colour on every page (see COLOURS in charts.js). Null is a gap. Dragging zooms all charts of the page.

Tables: `<div class="card"><div class="table-responsive"><table class="table table-vcenter card-table">`, numbers in
`<td class="text-end number">`. A list that its filters leave empty says so and offers to clear them.
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

# State -> colour of the Tabler set, icon, word. Several systems' words for one thing end in the same word here.
STATES: dict[str, tuple[str, str, str]] = {
    "running": ("blue", "player-play", "running"),
    "starting": ("blue", "loader", "starting"),
    "stopping": ("blue", "loader", "stopping"),
    "waiting": ("azure", "clock", "waiting"),
    "succeeded": ("green", "check", "succeeded"),
    "failed": ("red", "x", "failed"),
    "refused": ("orange", "hand-stop", "refused"),
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
    """Foreign text of several lines, with every other character that is not printable as an escape sequence."""
    return printable_lines(text, before="")


@register.simple_tag
def state(value: object, since: datetime | None = None, label: str = "") -> SafeString:
    """A state as everywhere: colour, icon, word; `since` adds from when on."""
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
    """An icon of the Tabler set; it says nothing to a screen reader, so put the word beside it."""
    return format_html('<i class="ti ti-{}" aria-hidden="true"></i>', name)


@register.simple_tag
def when(moment: datetime | str | None, otherwise: str = "–") -> SafeString | str:
    """A moment as a relative time that ticks in the browser, the absolute one in the person's zone on hover. A text
    that holds no moment is shown as it is."""
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
    """`since 17:03`, with the day where that was not today; the whole moment on hover."""
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
    """A moment written out in the person's zone, to the second."""
    if not moment:
        return format_html('<span class="text-secondary">{}</span>', otherwise)
    return format_html('<time datetime="{}" class="number">{}</time>', moments.iso(moment), moments.written(moment))


@register.filter
def clock(moment: datetime | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A moment in the person's zone, by a format of strftime; empty where there is none."""
    return moments.local(moment).strftime(form) if moment else ""


@register.filter
def utc_clock(moment: datetime | None) -> str:
    """A moment in UTC, to the second, for texts that name the zone themselves; empty where there is none."""
    return f"{moments.utc(moment):%Y-%m-%d %H:%M:%S}" if moment else ""


def _relative(moment: datetime) -> str:
    # times.js says it in the same words.
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
    """A number shortened, the whole of it on hover, with its unit."""
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
    """A hidden field that makes a form safe to send twice: its service uses the id as its own."""
    return format_html('<input type="hidden" name="request_id" value="{}">', uuid.uuid4())


@register.inclusion_tag("web/_field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """A field of a form with its label, help and errors, in Tabler's classes."""
    kind = getattr(bound.field.widget, "input_type", "textarea")
    # A browser cuts what is pasted at maxlength and says nothing. The form refuses it, with its length.
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
    """A value to take along: monospace, with a button that copies the whole of it."""
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
    """A step of the way back, for the block `breadcrumb`."""
    return format_html('<li class="breadcrumb-item"><a href="{}">{}</a></li>', reverse(route, args=args), label)


@register.simple_tag
def empty(icon_name: str, title: str, text: str = "", url: str = "", action: str = "") -> SafeString:
    """What stands where nothing is yet: what belongs here, and optionally a link to the first step."""
    button = (
        format_html('<div class="empty-action"><a class="btn btn-primary" href="{}">{}</a></div>', url, action)
        if url
        else ""
    )
    return _empty(icon_name, title, text, button)


@register.simple_block_tag
def blank(content: str, icon_name: str, title: str, text: str = "") -> SafeString:
    """As `empty`, with html of the page's own below the text."""
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
    """The way to the next and back to the first rows of a list, keeping its filters."""
    return {"page": page, "request": context.get("request")}


@register.inclusion_tag("web/_window.html", takes_context=True)
def window(context: dict[str, Any], window: Window[Any], fragment: str = "") -> dict[str, Any]:
    """Which part of a long list is shown, and the way to the parts beside it; `fragment` is where on its page it is."""

    def address(start: str | None) -> str | None:
        if start is None:
            return None
        query = context["request"].GET.copy()
        query[window.parameter] = start
        return f"?{query.urlencode()}{fragment}"

    return {"window": window, "before": address(window.before), "after": address(window.after)}


@register.inclusion_tag("web/_filters.html", takes_context=True)
def filters(context: dict[str, Any], form: ListForm, label: str, fragment: str = "") -> dict[str, Any]:
    """The filters of a list, which apply by themselves; `fragment` (`#snapshots`) is where on its page the list is."""
    return {"form": form, "label": label, "fragment": fragment, "request": context.get("request")}


@register.simple_tag
def charts() -> SafeString:
    """The scripts of charts, for the block `scripts` of a page that has some."""
    sources = [(static("packages/echarts.min.js"),), (static("web/js/charts.js"),)]
    return format_html_join("\n", '<script src="{}" defer></script>', sources)
