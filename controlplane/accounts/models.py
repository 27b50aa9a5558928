"""People, their tokens and sessions, the counters that slow guessing, and the record of what people did."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from controlplane.accounts.roles import Role, Scope


class User(AbstractUser):
    """A person, or a program that signs in as one."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    time_zone = models.CharField(max_length=64, default="UTC")

    # The token of the request that this object was loaded for; None for a session and outside of requests.
    via_token: "ApiToken | None" = None

    class Meta(AbstractUser.Meta):
        constraints = [models.UniqueConstraint(Lower("username"), name="accounts_user_username_any_case")]

    @property
    def effective_role(self) -> Role:
        """The person's role, lowered to the scope of the token that the request came with."""
        role = Role(self.role)
        if self.via_token is None:
            return role
        scope = Scope(self.via_token.scope).role
        return scope if role.includes(scope) else role

    def has_role(self, role: Role) -> bool:
        """Whether the person may do what `role` may, by this session or token. Every check of a role is this one."""
        return self.is_active and self.effective_role.includes(role)


class ApiToken(models.Model):
    """A bearer token. Only its digest is stored; the token itself is shown once, when it is created."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12, help_text="The token's first characters, to tell one from another.")
    scope = models.CharField(max_length=16, choices=Scope.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, help_text="Null only for the token of credentials.json.")
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def state(self) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= timezone.now() else "valid"


# The first mark that a user agent has: every browser also names those that it wants to be taken for.
_BROWSERS = (
    *(("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
)
_SYSTEMS = (
    *(("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Mac OS X", "macOS")),
    ("Linux", "Linux"),
)


class UserSession(AbstractBaseSession):
    """A session of the pages.

    `expire_date` is the earlier one of the idle and the absolute time-out: activity moves it, up to the absolute one.
    Pages and the API name a session by `public_id`; the session key stays in the cookie and in this table.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4)
    # Null before somebody has signed in.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=255, blank=True)

    # Whether the request that lists it came with it; see selectors.marked_sessions.
    this_one = False

    @property
    def browser(self) -> str:
        """The browser and its system in words, as far as the user agent tells; the whole of it otherwise."""
        program = next((name for mark, name in _BROWSERS if mark in self.user_agent), "")
        system = next((name for mark, name in _SYSTEMS if mark in self.user_agent), "")
        if not program:
            return self.user_agent or "unknown"
        return f"{program} on {system}" if system else program

    @classmethod
    def get_session_store_class(cls) -> Any:
        # sessions.py imports this module.
        from controlplane.accounts.sessions import SessionStore

        return SessionStore

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a session as Django's store does. Its times and its `public_id` are written when it is created only."""
        if kwargs.get("force_update"):
            kwargs["update_fields"] = ("session_data", "user", "address", "user_agent")
        super().save(*args, **kwargs)


class AttemptCounter(models.Model):
    """How often passwords were tried for one subject in the current window; see throttle.py."""

    subject = models.CharField(max_length=120, primary_key=True)
    window_ends = models.DateTimeField(db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.subject}: {self.attempts} until {self.window_ends}"


# Actions whose target is a token, and what others see of it.
OF_TOKENS, A_TOKEN = "token.", "a token"


class AuditEntry(models.Model):
    """Who did what to what, and how it ended. Rows are only ever added."""

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded"
        REFUSED = "refused"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    # The name stays readable when the person is gone.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=64, db_index=True)
    target = models.CharField(max_length=255)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.target}: {self.outcome}"

    def facts_for(self, reader: User) -> dict[str, Any]:
        """The detail that `reader` may see: addresses and tokens' names are for admins and for the person who acted."""
        hidden = set() if self._is_open_to(reader) else {"address", "token"}
        return {name: value for name, value in self.detail.items() if name not in hidden}

    def target_for(self, reader: User) -> str:
        """The target that `reader` may see: a token's name and its first characters are hidden like in `facts_for`."""
        return A_TOKEN if self.action.startswith(OF_TOKENS) and not self._is_open_to(reader) else self.target

    def _is_open_to(self, reader: User) -> bool:
        own = self.actor_id is not None and self.actor_id == reader.pk
        return own or reader.has_role(Role.ADMIN)
