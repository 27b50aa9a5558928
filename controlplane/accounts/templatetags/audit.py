"""Tags of audit rows: what each reader may see of them."""

import json
import re
from datetime import datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.accounts.models import AuditEntry, User
from controlplane.web.templatetags.lakehouse import absolute
from controlplane.web.windows import pairs

register = template.Library()


@register.simple_tag
def target(entry: AuditEntry, reader: User) -> str:
    """What an audit row is about, as the reader may see it."""
    return entry.target_for(reader)


@register.simple_tag
def changes(entry: AuditEntry, reader: User) -> list[tuple[str, Any, Any]]:
    """The changed fields of an audit row that the reader may see, each before and after."""
    return entry.changes_for(reader)


@register.simple_tag
def facts(entry: AuditEntry, reader: User, *, address: bool = False) -> list[tuple[str, Any]]:
    """The detail of an audit row that the reader may see; with its address, where the page shows that nowhere else."""
    shown = address and entry.address and entry.shows_origin_to(reader)
    return pairs({**entry.facts_for(reader), **({"address": entry.address} if shown else {})})


# How the audit writes a moment, and where a version of a scenario is.
_AUDITED_MOMENT = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
_AUDITED_DOCUMENT = re.compile(r"/scenarios/(?:[a-z0-9_-]|%[89A-F][0-9A-F])+/document\.yaml\?version=[0-9]+")


@register.filter
def audited(value: Any) -> SafeString | str:
    """A value of an audit row in one line: a moment in the person's zone, text as it is, the rest as JSON."""
    if value is None:
        return "–"
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if _AUDITED_MOMENT.fullmatch(value):
        return absolute(datetime.fromisoformat(value))
    if _AUDITED_DOCUMENT.fullmatch(value):
        return format_html('<a href="{0}">{0}</a>', value)
    return value or "(empty)"
