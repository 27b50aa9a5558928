"""How much memory this process needs at most while something is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Growth:
    """Bytes of resident memory that were added at most; known when the block is left."""

    bytes: int = 0


@contextmanager
def growth() -> Iterator[Growth]:
    """The kernel's own high-water mark, set back to the present at the beginning (proc(5), clear_refs)."""
    found = Growth()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    yield found
    found.bytes = _status("VmHWM") - before


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)
