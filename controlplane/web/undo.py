"""Success messages with an Undo button."""

import json
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest


@dataclass(frozen=True)
class Undo:
    """The form that reverts an action: its URL and fields."""

    url: str
    fields: dict[str, str]


def say_done(request: HttpRequest, text: str, undo: Undo) -> None:
    """Show `text` on the next page, with an Undo button."""
    # Messages are stored as text and tags, so the Undo data is stored as a tag.
    messages.success(request, text, extra_tags=json.dumps({"url": undo.url, "fields": undo.fields}))


def undo_of(message: Message) -> Undo | None:
    """The Undo data of a message, or None."""
    tags = message.extra_tags or ""
    return Undo(**json.loads(tags)) if tags.startswith("{") else None
