"""Log lines as JSON, one object per line, with the ids of their context; or the same as text."""

from typing import Any

import structlog
from structlog.typing import EventDict

from controlplane.printable import printable, printable_lines


def _without_colours(logger: Any, name: str, event: EventDict) -> EventDict:
    """Remove uvicorn's coloured copy of the message."""
    event.pop("color_message", None)
    return event


def _one_line(logger: Any, name: str, event: EventDict) -> EventDict:
    """Escape names and values for the text format: they contain untrusted text, which must not start a new line."""
    several = {key: printable_lines(str(event.pop(key))) for key in ("exception", "stack") if event.get(key)}
    return {**{printable(str(key)): _printable(value) for key, value in event.items()}, **several}


def _printable(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    return printable(value if isinstance(value, str) else repr(value))


# Read by `make logs RUN=...` (compose/local/logbook.py): timestamp, level, logger, event, and all known ids.
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _without_colours,
]
QUIET = ("httpx", "py4j", "celery.worker.strategy", "celery.app.trace", "celery.beat")


def configuration(log_format: str) -> dict[str, Any]:
    """Django's LOGGING for `json` or `text` lines on stderr."""
    rendering: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if log_format == "json":
        rendering += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        rendering += [
            structlog.processors.format_exc_info,
            _one_line,
            structlog.dev.ConsoleRenderer(colors=False),
        ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": rendering,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            **{name: {"level": "WARNING"} for name in QUIET},
            # uvicorn has set up its own loggers by now.
            **{name: {"handlers": [], "propagate": True} for name in ("uvicorn", "uvicorn.error")},
            "uvicorn.access": {"handlers": [], "level": "WARNING"},
        },
    }
