"""Users and service accounts, their links, tokens and sessions, the counters of failed attempts, and the audit log."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from controlplane.accounts.roles import Role, Scope


class Kind(models.TextChoices):
    """Whether an account belongs to a person or to a program."""

    PERSON = "person", "Person"
    SERVICE = "service", "Service account"


class UserState(models.TextChoices):
    """What the list of users is filtered by. `SERVICE` is every service account, deactivated or not."""

    ACTIVE = "active", "Active"
    INVITED = "invited", "Invited"
    DEACTIVATED = "deactivated", "Deactivated"
    SERVICE = "service", "Service account"


class User(AbstractUser):
    """A person, or a service account: a program that has tokens, and neither a password nor sessions."""

    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.PERSON)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    time_zone = models.CharField(max_length=64, default="UTC")
    # The user who owns a service account.
    service_owner = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="service_accounts")
    description = models.CharField(max_length=200, blank=True)

    # The token of the request that this object was loaded for; None for a session and outside of requests.
    via_token: "ApiToken | None" = None

    class Meta(AbstractUser.Meta):
        constraints = [models.UniqueConstraint(Lower("username"), name="accounts_user_username_any_case")]

    def get_absolute_url(self) -> str:
        """The page of the user or the service account."""
        return reverse("accounts:service-account" if self.is_service else "accounts:person", args=[self.username])

    @property
    def is_service(self) -> bool:
        """Whether this is a service account."""
        return self.kind == Kind.SERVICE

    @property
    def is_invited(self) -> bool:
        """Whether the person has been invited, and has never signed in."""
        return not self.is_service and self.last_login is None and not self.has_usable_password()

    @property
    def is_orphaned(self) -> bool:
        """Whether nobody who is active answers for this service account. Its tokens are refused as long as it is."""
        return self.is_service and (self.service_owner is None or not self.service_owner.is_active)

    @property
    def state(self) -> UserState:
        """`active`, `invited` or `deactivated`, of people and of service accounts."""
        if not self.is_active:
            return UserState.DEACTIVATED
        return UserState.INVITED if self.is_invited else UserState.ACTIVE

    @property
    def effective_role(self) -> Role:
        """The person's role, lowered to the scope of the token that the request came with. A service account's is
        never more than its owner's."""
        role = Role(self.role)
        if self.is_service and self.service_owner is not None and not Role(self.service_owner.role).includes(role):
            role = Role(self.service_owner.role)
        if self.via_token is None:
            return role
        scope = Scope(self.via_token.scope).role
        return scope if role.includes(scope) else role

    @property
    def signs_in_with(self) -> list[str]:
        """`password`, `single-sign-on`, or both. Whether a password is accepted also depends on PASSWORD_SIGN_IN."""
        connected = ["single-sign-on"] if self.identity is not None else []
        return [*(["password"] if self.has_usable_password() else []), *connected]

    @property
    def identity(self) -> dict[str, Any] | None:
        """Who the person is at the provider of single sign-on."""
        # The rows of allauth's model, which may be prefetched.
        account = next(iter(getattr(self, "socialaccount_set").all()), None)  # noqa: B009
        if account is None:
            return None
        username = account.extra_data.get("username", "")
        return {"issuer": account.provider, "subject": account.uid, "username": username, "since": account.date_joined}

    def has_role(self, role: Role) -> bool:
        """Whether the person may do what `role` may, by this session or token. Every check of a role is this one."""
        return self.is_active and not self.is_orphaned and self.effective_role.includes(role)


class AccountLink(models.Model):
    """A link by which a person chooses a password: an invitation, or a reset. Only the digest of its code is stored."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", "Invitation"
        RESET = "reset", "Password reset"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # The name remains when the user is deleted.
    created_by_name = models.CharField(max_length=150)
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=models.Q(used_at=None, revoked_at=None),
                name="accounts_accountlink_one_a_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.person}"

    @property
    def state(self) -> str:
        """`open`, `used`, `expired` or `revoked`."""
        if self.used_at is not None:
            return "used"
        if self.revoked_at is not None and self.revoked_at < self.expires_at:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "open"


EXPIRES_SOON = timedelta(days=14)
UNUSED_AFTER = timedelta(days=90)


class ApiToken(models.Model):
    """A bearer token. Only its digest is stored; the token itself is shown once, when it is created."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=12, help_text="The token's first characters, to tell one from another.")
    scope = models.CharField(max_length=16, choices=Scope.choices)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    of_installation = models.BooleanField(
        default=False, help_text="The token of credentials.json, whose expiry every start extends."
    )
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def state(self) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= timezone.now() else "valid"

    @property
    def warnings(self) -> list[str]:
        """What to see to in a valid token: `expires_soon` (within 14 days), `unused` (for 90 days)."""
        if self.state != "valid":
            return []
        now, found = timezone.now(), []
        if self.expires_at - now <= EXPIRES_SOON:
            found.append("expires_soon")
        if now - (self.last_used_at or self.created_at) >= UNUSED_AFTER:
            found.append("unused")
        return found


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
    # Null before sign-in.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=255, blank=True)

    # Whether the request that lists it came with it; see selectors.marked_sessions.
    this_one = False

    @property
    def browser(self) -> str:
        """The browser and its operating system, if known from the user agent; otherwise the whole user agent."""
        program = next((name for mark, name in _BROWSERS if mark in self.user_agent), "")
        system = next((name for mark, name in _SYSTEMS if mark in self.user_agent), "")
        if not program:
            return self.user_agent or "unknown"
        return f"{program} on {system}" if system else program

    @classmethod
    def get_session_store_class(cls) -> Any:
        """The session store that writes this model."""
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
# Fields of audit rows that are for admins, and for the person whom the row is about.
FOR_ADMINS = ("address", "token", "email")


class AuditEntry(models.Model):
    """Actor, action, target and outcome: one link of a hash chain (docs/audit.md).

    `accounts.auditing.writing.audit_append` is the only writer. The database refuses UPDATE and DELETE.
    """

    class Outcome(models.TextChoices):
        SUCCEEDED = "succeeded"
        REFUSED = "refused"
        FAILED = "failed"

    class Via(models.TextChoices):
        SESSION = "session"
        TOKEN = "token"  # noqa: S105 - a word
        ANONYMOUS = "anonymous", "No session or token"  # a sign-in
        WORKER = "worker", "Background worker"
        COMMAND = "command", "Management command"
        UNKNOWN = "", "Not recorded"  # rows from before migration 0004

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    sequence = models.BigIntegerField(unique=True, help_text="1, 2, 3, … without gaps.")
    at = models.DateTimeField(db_index=True)
    # No constraint: deleting a user changes no audit row. User ids are never used twice.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    # The name remains when the user is deleted.
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=64, db_index=True)
    target = models.CharField(max_length=255)
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    detail = models.JSONField(default=dict)
    before = models.JSONField(null=True, help_text="The changed fields before the action; null if it created them.")
    after = models.JSONField(null=True, help_text="The changed fields after the action; null if it deleted them.")
    # Text: PostgreSQL's `inet` writes some IPv6 addresses in another form, and the hash is over this one.
    address = models.CharField(max_length=45, null=True)  # null: no request
    request_id = models.CharField(max_length=64, blank=True, db_index=True)
    via = models.CharField(max_length=16, choices=Via.choices, blank=True)
    credential = models.CharField(max_length=120, blank=True, help_text="The session's public id, or the token.")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.target}: {self.outcome}"

    def get_absolute_url(self) -> str:
        """The page of the entry."""
        return reverse("accounts:activity-entry", args=[self.pk])

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        """The changed fields, each with its value before and after; empty where nothing is compared."""
        before, after = self.before or {}, self.after or {}
        return [(name, before.get(name), after.get(name)) for name in {**before, **after}]

    def shows_origin_to(self, reader: User) -> bool:
        """Whether `reader` may see the address and the credential: admins, and the person whom the row is about."""
        return reader.has_role(Role.ADMIN) or (self.actor_id is not None and self.actor_id == reader.pk)

    def facts_for(self, reader: User) -> dict[str, Any]:
        """The detail that `reader` may see: addresses and tokens' names are for admins and for the person who acted."""
        return self._shown(self.detail, reader) or {}

    def target_for(self, reader: User) -> str:
        """The target that `reader` may see: a token's name is hidden like in `facts_for`."""
        return A_TOKEN if self._hides_token(reader) else self.target

    def changed_for(self, reader: User) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """The changed fields before and after that `reader` may see: none of what was done to another's token."""
        if self._hides_token(reader):
            return None, None
        return self._shown(self.before, reader), self._shown(self.after, reader)

    def changes_for(self, reader: User) -> list[tuple[str, Any, Any]]:
        """Each changed field that `reader` may see, with its value before and after."""
        shown = {name for values in self.changed_for(reader) for name in values or {}}
        return [change for change in self.changes if change[0] in shown]

    def _shown(self, values: dict[str, Any] | None, reader: User) -> dict[str, Any] | None:
        if values is None or self.shows_origin_to(reader):
            return values
        return {name: value for name, value in values.items() if name not in FOR_ADMINS}

    def _hides_token(self, reader: User) -> bool:
        return self.action.startswith(OF_TOKENS) and not self.shows_origin_to(reader)


class AuditChain(models.Model):
    """The head of the chain of audit rows: one row, which a writer locks while it appends."""

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


class AuditVerification(models.Model):
    """The last verification of the chain: one row, none before the first verification."""

    checked_at = models.DateTimeField()
    # When a verification last went through all rows.
    complete_at = models.DateTimeField(null=True)
    # The last row that was verified.
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    problem = models.JSONField(null=True, help_text="sequence, kind and message of the first row that does not hold.")

    def __str__(self) -> str:
        return f"{self.sequence} at {self.checked_at}: {self.problem or 'holds'}"
