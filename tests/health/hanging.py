"""The control plane's Celery application with a task that never ends and a watchdog with little patience."""

import os
import threading
from pathlib import Path

from controlplane.celery import app
from controlplane.health import watchdog

watchdog.PATIENCE_SECONDS = 6.0
watchdog.LOOK_SECONDS = 1.0


@app.task(name="tests.hang")  # type: ignore[untyped-decorator]
def hang() -> None:
    Path(os.environ["HANGS"]).touch()
    threading.Event().wait()
