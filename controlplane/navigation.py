"""The navigation of every page, with the active entry."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from controlplane.accounts.roles import Role


@dataclass(frozen=True)
class Place:
    """One entry of the navigation. `key` follows `g` on the keyboard."""

    label: str
    route: str
    icon: str
    key: str
    role: Role = Role.VIEWER


PLACES = (
    Place("Overview", "overview:index", "layout-dashboard", "o"),
    Place("Scenarios", "scenarios:index", "wand", "s"),
    Place("Stream", "streaming:index", "arrows-right", "t"),
    Place("Runs", "orchestration:index", "player-play", "r"),
    Place("Quality", "quality:index", "shield-check", "q"),
    Place("Lakehouse", "lakehouse:index", "database", "l"),
    Place("Ledger", "ledger:index", "scale", "e"),
    Place("BI", "bi:index", "chart-bar", "b"),
)
ADMINISTRATION = (
    Place("Activity", "accounts:activity", "history", "a"),
    Place("Users", "accounts:people", "users", "p", Role.ADMIN),
    Place("Settings", "accounts:settings", "settings", "c"),
)


@cache
def _addresses() -> dict[Place, str]:
    found = {}
    for place in PLACES + ADMINISTRATION:
        try:
            found[place] = reverse(place.route)
        except NoReverseMatch:
            continue
    return found


def navigation(request: HttpRequest) -> dict[str, Any]:
    """`places` and `administration` (entries with label, url, icon, key, active) that the user may open, and roles."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"places": [], "administration": [], "operated_with": settings.OPERATED_WITH}
    addresses = _addresses()

    def shown(entries: tuple[Place, ...]) -> list[dict[str, Any]]:
        return [
            {
                "label": place.label,
                "url": addresses[place],
                "icon": place.icon,
                "key": place.key,
                "active": _within(request.path, addresses[place]),
            }
            for place in entries
            if place in addresses and user.has_role(place.role)
        ]

    return {
        "places": shown(PLACES),
        "administration": shown(ADMINISTRATION),
        "may_operate": user.has_role(Role.OPERATOR),
        "may_administer": user.has_role(Role.ADMIN),
    }


def _within(path: str, address: str) -> bool:
    return path == address if address == "/" else path.startswith(address)
