"""Saying that something was done, with the way back beside it."""

import json
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest


@dataclass(frozen=True)
class Undo:
    """The form that takes it back: where it is posted to, and its fields."""

    url: str
    fields: dict[str, str]


def say_done(request: HttpRequest, text: str, undo: Undo) -> None:
    """Show `text` on the next page, with a button that takes back what was done."""
    # A message is kept as text and tags, so the way back travels as a tag.
    messages.success(request, text, extra_tags=json.dumps({"url": undo.url, "fields": undo.fields}))


def undo_of(message: Message) -> Undo | None:
    """The way back that came with a message, or None."""
    tags = message.extra_tags or ""
    return Undo(**json.loads(tags)) if tags.startswith("{") else None
