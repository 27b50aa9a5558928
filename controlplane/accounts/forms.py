"""Forms of Users and Settings. They read the input; the services validate it."""

from functools import cache
from typing import Any

from django import forms

from controlplane.accounts.mail import mail_configured
from controlplane.accounts.models import UserState
from controlplane.accounts.names import CHARACTERS, LONGEST_NAME
from controlplane.accounts.passwords import LONGEST, SHORTEST
from controlplane.accounts.roles import WHAT_A_ROLE_MAY, WHAT_A_SCOPE_ALLOWS, Role, Scope
from controlplane.accounts.selectors import possible_owners
from controlplane.accounts.service_accounts import LONGEST_DESCRIPTION
from controlplane.accounts.services import LONGEST_TOKEN_NAME, TOKEN_DAYS, TOKEN_DAYS_AT_MOST, time_zones
from controlplane.web.widgets import LongSelect

_PASSWORD_HELP = f"{SHORTEST} to {LONGEST} characters that are hard to guess, for example several uncommon words."


def _role_choices() -> list[tuple[str, str]]:
    return [(role.value, f"{role.label}: {WHAT_A_ROLE_MAY[role]}") for role in Role]


@cache
def _time_zone_choices() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(time_zones())]


class PeopleFilterForm(forms.Form):
    """What the list of users is filtered and ordered by, as it stands in the address."""

    text = forms.CharField(
        label="Search",
        required=False,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"type": "search", "data-search": True, "autocomplete": "off"}),
    )
    state = forms.ChoiceField(
        required=False,
        choices=[
            ("", "All"),
            (UserState.ACTIVE, "Active"),
            (UserState.INVITED, "Invited"),
            (UserState.DEACTIVATED, "Deactivated"),
            (UserState.SERVICE, "Service accounts"),
        ],
    )
    sort = forms.ChoiceField(
        label="Order",
        required=False,
        choices=[("name", "Name"), ("last_sign_in", "Last sign-in"), ("newest", "Newest first")],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            select = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-select" if select else "form-control"
            field.widget.attrs.pop("maxlength", None)

    def value(self, name: str) -> str:
        """The selected value; empty if none is selected or the value is unknown."""
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")

    @property
    def filtered(self) -> bool:
        """Whether a filter is set."""
        return bool(self.data.get("text") or self.data.get("state"))


class _NameForm(forms.Form):
    username = forms.CharField(
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text=f"{CHARACTERS[0].upper()}{CHARACTERS[1:]}. Not case-sensitive.",
    )
    role = forms.ChoiceField(choices=_role_choices, widget=forms.RadioSelect, initial=Role.VIEWER)


class InvitationForm(_NameForm):
    """Whom to invite. The field for the email address is there only where mail can be sent."""

    email = forms.EmailField(
        label="Email",
        required=False,
        help_text="The invitation is also sent to this address. Blank = copy the link and share it yourself.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not mail_configured():
            del self.fields["email"]


class ServiceAccountForm(_NameForm):
    """A new service account."""

    owner = forms.ChoiceField(
        help_text="The user responsible for the account. Its permissions never exceed the owner's."
    )
    description = forms.CharField(
        required=False,
        max_length=LONGEST_DESCRIPTION,
        help_text="The purpose of the account, for example “nightly export”.",
    )
    field_order = ["username", "description", "role", "owner"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].help_text = f"{CHARACTERS[0].upper()}{CHARACTERS[1:]}."
        _offer_owners(self)


class ServiceAccountChangeForm(forms.Form):
    """Changes of a service account."""

    owner = forms.ChoiceField(
        help_text="The user responsible for the account. Its permissions never exceed the owner's."
    )
    description = forms.CharField(required=False, max_length=LONGEST_DESCRIPTION)
    revoke_tokens = forms.BooleanField(
        label="Revoke tokens if the owner changes (the former owner may know them)", required=False, initial=True
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_owners(self)


def _offer_owners(form: forms.Form) -> None:
    owner = form.fields["owner"]
    assert isinstance(owner, forms.ChoiceField)
    owner.choices = [("", "Select a user"), *((name, f"{name}, {role}") for name, role in possible_owners())]


class PersonChangeForm(forms.Form):
    """Changes of a user by an admin."""

    role = forms.ChoiceField(choices=_role_choices, widget=forms.RadioSelect)
    active = forms.BooleanField(label="Active", required=False)


class EmailForm(forms.Form):
    """The email address of a user."""

    email = forms.EmailField(
        label="Email", required=False, help_text="Invitations and password reset links are sent to this address."
    )


class ConnectForm(forms.Form):
    """The recorded sign-in that a user is connected with."""

    sign_in = forms.UUIDField()


class NewPasswordForm(forms.Form):
    """A new password."""

    password = forms.CharField(
        label="New password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_PASSWORD_HELP,
    )


class PasswordForm(NewPasswordForm):
    """A change of one's own password."""

    current = forms.CharField(
        label="Current password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["current", "password"]


class TimeZoneForm(forms.Form):
    """The time zone of one's own pages."""

    time_zone = forms.ChoiceField(label="Time zone", choices=_time_zone_choices, widget=LongSelect)


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(
        max_length=LONGEST_TOKEN_NAME, help_text="The program that uses the token, for example “nightly export”."
    )
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
