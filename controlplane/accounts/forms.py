"""Forms of People and Settings. They read what was typed; the services judge it."""

from functools import cache

from django import forms

from controlplane.accounts.roles import WHAT_A_ROLE_MAY, Role
from controlplane.accounts.services import time_zones
from controlplane.web.widgets import LongSelect


def _role_choices() -> list[tuple[str, str]]:
    return [(role.value, f"{role.label}: {WHAT_A_ROLE_MAY[role]}") for role in Role]


@cache
def _time_zone_choices() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(time_zones())]


class PersonForm(forms.Form):
    username = forms.CharField(label="Name", max_length=150)
    role = forms.ChoiceField(choices=_role_choices, widget=forms.RadioSelect, initial=Role.VIEWER)
    password = forms.CharField(
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. The person can change it in Settings.",
    )


class PersonChangeForm(forms.Form):
    role = forms.ChoiceField(choices=_role_choices, widget=forms.RadioSelect)
    active = forms.BooleanField(label="May sign in", required=False)


class NewPasswordForm(forms.Form):
    password = forms.CharField(
        label="New password",
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters.",
    )


class PasswordForm(NewPasswordForm):
    current = forms.CharField(
        label="Current password",
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["current", "password"]


class TimeZoneForm(forms.Form):
    time_zone = forms.ChoiceField(label="Time zone", choices=_time_zone_choices, widget=LongSelect)


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What will use it, for example “nightly export”.")
