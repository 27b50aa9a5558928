"""One request of a test, all of whose effects are taken back, and what it has written."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client

SAFE = ("GET", "HEAD", "OPTIONS")
# What a request may write however it ends: the audit, the session's and the token's last use, messages, attempts; and
# what a page sees of a component that no worker has looked at lately.
ALWAYS_WRITTEN = {
    *("accounts_auditentry", "accounts_auditchain", "accounts_usersession", "accounts_attemptcounter"),
    "health_observation",
}
_LAST_USE = re.compile(r'UPDATE "accounts_apitoken" SET "last_used_at" = \S+ "last_used_from" = \S+ WHERE')
_WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')


@contextmanager
def undone() -> Iterator[list[str]]:
    """What is written within is taken back; gives the statements that wrote more than every request may."""
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = _WRITE.match(sql)
        if found and found[1] not in ALWAYS_WRITTEN and not _LAST_USE.match(sql):
            written.append(sql)
        return execute(sql, params, many, context)

    queued = len(connection.run_on_commit)
    with connection.execute_wrapper(watch), transaction.atomic():
        yield written
        written.extend("a task is sent" for _ in connection.run_on_commit[queued:])
        transaction.set_rollback(True)


@dataclass
class Asked:
    """An answer, the text of it, and what asking has written."""

    status: int
    text: str
    location: str
    written: list[str]


def ask(client: Client, method: str, path: str, body: Any = None) -> Asked:
    """One cell. A dictionary is a form for pages, and JSON for the API; bytes in it are a file."""
    files, cookies = _files(), deepcopy(client.cookies)
    upload = {name: value for name, value in (body or {}).items() if isinstance(value, bytes)}
    if upload:
        more = {"data": {name: SimpleUploadedFile(f"{name}.csv", value) for name, value in upload.items()}}
    elif path.startswith("/api/") and method not in SAFE:
        more = {"data": "" if body is None else json.dumps(body), "content_type": "application/json"}
    else:
        more = {"data": body} if body is not None else {}
    with undone() as written:
        answer = getattr(client, method.lower())(path, **more)
        text = "" if answer.streaming else answer.content.decode(errors="replace")
        # A sign-out is taken back, too.
        client.cookies = cookies
    written += _put_back(files)
    return Asked(answer.status_code, text, answer.headers.get("Location", ""), written)


def _files() -> dict[Path, bytes]:
    """The files of recordings, with what is in them."""
    return {path: path.read_bytes() for path in Path(os.environ["RECORDINGS"]).rglob("*") if path.is_file()}


def _put_back(files: dict[Path, bytes]) -> list[str]:
    """Restore the files, and say which had changed."""
    now = _files()
    for path in now.keys() - files.keys():
        path.unlink()
    changed = [path for path, content in files.items() if now.get(path) != content]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[path])
    # The first events of a recording are read once, by the first who looks at its page.
    return [str(path) for path in (now.keys() - files.keys()) | set(changed) if ".first-" not in path.name]
