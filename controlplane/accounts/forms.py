"""Forms of People and Settings. They read what was typed; the services judge it."""

from functools import cache
from typing import Any

from django import forms

from controlplane.accounts.names import CHARACTERS, LONGEST_NAME
from controlplane.accounts.passwords import LONGEST, SHORTEST
from controlplane.accounts.roles import WHAT_A_ROLE_MAY, WHAT_A_SCOPE_ALLOWS, Role, Scope
from controlplane.accounts.services import LONGEST_TOKEN_NAME, TOKEN_DAYS, TOKEN_DAYS_AT_MOST, time_zones
from controlplane.web.widgets import LongSelect

_PASSWORD_HELP = f"{SHORTEST} to {LONGEST} characters that are hard to guess: several uncommon words, for example."


def _role_choices() -> list[tuple[str, str]]:
    return [(role.value, f"{role.label}: {WHAT_A_ROLE_MAY[role]}") for role in Role]


@cache
def _time_zone_choices() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(time_zones())]


class PersonForm(forms.Form):
    username = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        help_text=f"{CHARACTERS[0].upper()}{CHARACTERS[1:]}. Signing in doesn't mind the case.",
    )
    role = forms.ChoiceField(choices=_role_choices, widget=forms.RadioSelect, initial=Role.VIEWER)
    password = forms.CharField(
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=f"{_PASSWORD_HELP} The person can change it in Settings.",
    )


class PersonChangeForm(forms.Form):
    role = forms.ChoiceField(choices=_role_choices, widget=forms.RadioSelect)
    active = forms.BooleanField(label="May sign in", required=False)


class ConnectForm(forms.Form):
    sign_in = forms.UUIDField()


class NewPasswordForm(forms.Form):
    password = forms.CharField(
        label="New password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_PASSWORD_HELP,
    )


class PasswordForm(NewPasswordForm):
    current = forms.CharField(
        label="Current password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["current", "password"]


class TimeZoneForm(forms.Form):
    time_zone = forms.ChoiceField(label="Time zone", choices=_time_zone_choices, widget=LongSelect)


class TokenForm(forms.Form):
    name = forms.CharField(max_length=LONGEST_TOKEN_NAME, help_text="What will use it, for example “nightly export”.")
    scope = forms.ChoiceField(widget=forms.RadioSelect, initial=Scope.READ)
    days = forms.TypedChoiceField(
        label="Expires after",
        choices=[(days, f"{days} days") for days in (7, 30, TOKEN_DAYS, 180, TOKEN_DAYS_AT_MOST)],
        initial=TOKEN_DAYS,
        coerce=int,
    )

    def __init__(self, role: Role, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scope = self.fields["scope"]
        assert isinstance(scope, forms.ChoiceField)
        scope.choices = [(one.value, f"{one.label}: {WHAT_A_SCOPE_ALLOWS[one]}") for one in Scope.within(role)]
