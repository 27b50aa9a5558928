"""What happened last is told in words that belong to actions that there are."""

import re
from pathlib import Path

from django.conf import settings

from controlplane.overview.recent_activity import ACTIONS, LEFT_OUT


def test_every_action_that_has_words_is_one_that_is_done() -> None:
    sources = "\n".join(path.read_text() for path in Path(settings.BASE_DIR, "controlplane").rglob("*.py"))
    done = set(re.findall(r"""["']([a-z_]+\.[a-z-]+)["']""", sources.replace(_words(), "")))
    assert {*ACTIONS, *LEFT_OUT} - done == set()


def _words() -> str:
    return Path(settings.BASE_DIR, "controlplane", "overview", "recent_activity.py").read_text()
