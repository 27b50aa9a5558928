"""Which worker runs which tests, and in which order (`make test` starts three workers).

A module is one unit of work: what its tests share is set up once, and not in every worker. A group
(`pytest.mark.xdist_group`) may join modules. What takes longest begins first, so that no worker is left with it alone
at the end.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

# The units that last longest, the longest first: groups by their names, modules by their paths.
FIRST = (
    *("stack", "spark", "access-matrix", "access-contract", "keycloak", "kafka", "accounts-matrix", "access-forms"),
    *("tests/monitoring/test_alerts.py", "tests/scenarios/test_recording_bombs.py", "tests/payloads/test_bombs.py"),
    *("tests/docs/test_site.py", "tests/tls/test_kafka.py", "tests/payloads/test_addresses.py"),
)


class ModuleScheduling(LoadGroupScheduling):
    """Units of work by group or module."""

    def _split_scope(self, nodeid: str) -> str:
        group = str(super()._split_scope(nodeid))
        return nodeid.partition("::")[0] if group == nodeid else group


def unit_of(item: pytest.Item) -> str:
    """The unit that runs the test: its group, else its module."""
    group = item.get_closest_marker("xdist_group")
    return str(group.args[0]) if group else item.nodeid.partition("::")[0]


def by_length(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests by unit, in the order in which the units begin: those of `FIRST`, then by number of tests."""
    units: dict[str, list[pytest.Item]] = {}
    for item in items:
        units.setdefault(unit_of(item), []).append(item)

    def place(unit: str) -> Any:
        return (FIRST.index(unit) if unit in FIRST else len(FIRST), -len(units[unit]))

    return [item for unit in sorted(units, key=place) for item in units[unit]]


def sendable(value: Any) -> Any:
    """The report of a test in text that can be sent to the main process: a lone surrogate would end the worker."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {sendable(key): sendable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(sendable(one) for one in value)
    return value
