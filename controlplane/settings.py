"""Settings of the control plane: everything that differs between installations comes from the environment.

`make up` writes an installation's variables to `$LAKEHOUSE_DATA/environment`; the process environment wins over that
file, so a container or a person can set any of them. `.env.example` documents every variable.
"""

import os
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import unquote, urlsplit

import dj_database_url
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

from controlplane.accounts.single_sign_on.configuration import password_sign_in, single_sign_on
from controlplane.logging import configuration as logging_configuration
from controlplane.web.static_files import protect_static_file
from spark_jobs.connection_string import authenticated
from spark_jobs.kafka_client import ROLES, kafka_client
from spark_jobs.object_store import object_store
from spark_jobs.tls import ConnectionSettingError, http_url, own_ca_file, postgres_url, redis_url, smtp_url

_P = ParamSpec("_P")
_T = TypeVar("_T")

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("LAKEHOUSE_DATA", BASE_DIR / "var"))
load_dotenv(DATA_DIR / "environment")


def _text(name: str, default: str) -> str:
    return os.environ.get(name) or default


def _flag(name: str, default: bool) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value in ("", "0", "1", "false", "true", "no", "yes"):
        return default if value == "" else value in ("1", "true", "yes")
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {value!r}.")


def _whole(name: str, default: int) -> int:
    value = os.environ.get(name, "").strip()
    try:
        return int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None


def _at_least_one(name: str, default: int) -> int:
    value = _whole(name, default)
    if value < 1:
        raise ImproperlyConfigured(f"{name} must be at least 1, not {value}.")
    return value


def _not_negative(name: str, default: int) -> int:
    value = _whole(name, default)
    if value < 0:
        raise ImproperlyConfigured(f"{name} must be 0 or more, not {value}.")
    return value


def _networks(name: str) -> list[str]:
    """Comma-separated addresses and networks, in Python's notation."""
    networks = []
    for entry in filter(None, (entry.strip() for entry in os.environ.get(name, "").split(","))):
        try:
            networks.append(str(ip_network(entry)))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} must contain IP addresses or networks such as 10.0.0.5 or 10.0.0.0/24, not {entry!r}."
            ) from None
    return networks


def _mail(url: str) -> dict[str, Any]:
    """Django's settings of a mail server, from smtp://, smtp+tls:// (STARTTLS) or smtps://user:password@host:port."""
    parts = urlsplit(url)
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in ports or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL must be smtp+tls://user:password@host:587, smtps://user:password@host:465, or smtp://host:25."
        )
    _allowed(smtp_url, "EMAIL_URL", url)
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        # Seconds. A page waits for it.
        "EMAIL_TIMEOUT": 10,
    }


def _allowed(check: Callable[_P, _T], *arguments: _P.args, **more: _P.kwargs) -> _T:
    """The result of `check`; a rejected connection stops the start."""
    try:
        return check(*arguments, **more)
    except ConnectionSettingError as error:
        raise ImproperlyConfigured(str(error)) from None


def _secret_key() -> str:
    key = os.environ.get("DJANGO_SECRET_KEY")
    if key:
        return key
    # Static checks and `manage.py help` need no secret; everything that serves users does.
    if _flag("DJANGO_WITHOUT_SECRETS", False):
        return "not-a-secret-for-static-checks-only"
    raise ImproperlyConfigured("DJANGO_SECRET_KEY is not set. Run `make up` once, or set it in the environment.")


def _second_factor_keys() -> list[str]:
    """Fernet keys: the first one encrypts the secrets of second factors, each of them decrypts."""
    keys = [key.strip() for key in os.environ.get("SECOND_FACTOR_KEYS", "").split(",") if key.strip()]
    if not keys and not _flag("DJANGO_WITHOUT_SECRETS", False):
        raise ImproperlyConfigured("SECOND_FACTOR_KEYS is not set. Run `make up` once, or set it in the environment.")
    for number, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:
            raise ImproperlyConfigured(
                f"SECOND_FACTOR_KEYS: key {number} is not 32 bytes in base64url. "
                "Create one with `openssl rand -base64 32 | tr +/ -_`."
            ) from None
    return keys


# --- Addresses of the services: `spark_jobs.tls` rejects those that would send a credential without TLS ---------------
_allowed(own_ca_file)
PUBLIC_URL = _text("PUBLIC_URL", "http://127.0.0.1:8000")
_allowed(http_url, "PUBLIC_URL", PUBLIC_URL)
# The commands in remedies: `make`, or `compose` in the containers.
OPERATED_WITH = _text("OPERATED_WITH", "make")
# The socket of the included dashboards, served at /bi/app/, or the address of external ones, which pages link to.
BI_URL = _text("BI_URL", f"unix://{DATA_DIR.absolute()}/bi/bi.sock")
if not BI_URL.startswith(("unix:///", "http://", "https://")):
    raise ImproperlyConfigured(f"BI_URL must start with unix:///, http:// or https://, not {BI_URL!r}.")
REDIS_URL = _allowed(redis_url, "REDIS_URL", _text("REDIS_URL", "redis://127.0.0.1:6380/0"))
KAFKA_BOOTSTRAP_SERVERS = _text("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
# The account of each program (spark_jobs.kafka_client).
KAFKA_CLIENTS = {role: _allowed(kafka_client, role) for role in ROLES}
KAFKA_TOPIC = _text("KAFKA_TOPIC", "ecommerce.events")
KAFKA_PARTITIONS = _whole("KAFKA_PARTITIONS", 4)
SPARK_REMOTE = _text("SPARK_REMOTE", "sc://localhost:15002")
# The address with the server's token, for the adapters only. Pages and messages show SPARK_REMOTE.
SPARK_REMOTE_WITH_TOKEN = _allowed(authenticated, SPARK_REMOTE, _text("SPARK_CONNECT_TOKEN", ""))
# Served at /spark/, with this token.
SPARK_UI_TOKEN = _text("SPARK_UI_TOKEN", "")
SPARK_UI_URL = _allowed(
    http_url, "SPARK_UI_URL", _text("SPARK_UI_URL", "http://127.0.0.1:4040"), credential=bool(SPARK_UI_TOKEN)
)
ICEBERG_CATALOG_URI = _allowed(
    postgres_url, "ICEBERG_CATALOG_URI", _text("ICEBERG_CATALOG_URI", "postgresql+psycopg://127.0.0.1:5433/lake")
)
WAREHOUSE = _text("WAREHOUSE", (DATA_DIR / "warehouse").as_uri() if DATA_DIR.is_absolute() else "")
# The object storage of an s3:// warehouse; None if the warehouse is a folder.
OBJECT_STORE = _allowed(object_store)
MINIO_CONSOLE_URL = _text("MINIO_CONSOLE_URL", "")
CHECKPOINTS = _text("CHECKPOINTS", (DATA_DIR / "checkpoints").as_uri() if DATA_DIR.is_absolute() else "")
AIRFLOW_PASSWORD = _text("AIRFLOW_PASSWORD", "")
AIRFLOW_URL = _allowed(
    http_url, "AIRFLOW_URL", _text("AIRFLOW_URL", "http://127.0.0.1:8082"), credential=bool(AIRFLOW_PASSWORD)
)
AIRFLOW_PUBLIC_URL = _text("AIRFLOW_PUBLIC_URL", AIRFLOW_URL)
AIRFLOW_USERNAME = _text("AIRFLOW_USERNAME", "svc")
# Served at /prometheus/; the folder contains the client certificate that it requires with https.
PROMETHEUS_INTERNAL_URL = _text("PROMETHEUS_INTERNAL_URL", "")
MONITORING_CERTIFICATES = _text("MONITORING_CERTIFICATES", "")
# Pages link to them; empty if not installed.
PROMETHEUS_URL = _text("PROMETHEUS_URL", "")
GRAFANA_URL = _text("GRAFANA_URL", "")
METRICS_TOKEN = _text("METRICS_TOKEN", "")

# --- Django -----------------------------------------------------------------------------------------------------------
SECRET_KEY = _secret_key()
DEBUG = _flag("DJANGO_DEBUG", False)
ALLOWED_HOSTS = [host for host in _text("DJANGO_ALLOWED_HOSTS", "127.0.0.1,localhost").split(",") if host]
ALLOWED_HOSTS += [host for host in [urlsplit(PUBLIC_URL).hostname] if host and host not in ALLOWED_HOSTS]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# The scenario editor has a field for each entry of the lists in a document.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
# Recordings may be larger than any other request: address -> (bytes, name of the variable with the limit). The rest of
# a request with a file takes some hundred bytes.
_recording = (_whole("RECORDING_MAX_MB", 4096) * 2**20 + 2**16, "RECORDING_MAX_MB")
LARGE_BODIES = {"/scenarios/recordings/new/": _recording, "/api/v1/recordings": _recording}

ROOMS = [
    "accounts",
    "health",
    "overview",
    "scenarios",
    "streaming",
    "orchestration",
    "quality",
    "lakehouse",
    "ledger",
    "bi",
    "monitoring",
    "search",
    "tour",
    "web",
]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "ninja",
    # Single sign-on and second factors (see below); allauth's pages and URLs are not used.
    *("allauth", "allauth.account", "allauth.mfa"),
    *("allauth.socialaccount", "allauth.socialaccount.providers.openid_connect"),
    *[f"controlplane.{room}" for room in ROOMS],
    "controlplane",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "controlplane.web.caching.NoStoreMiddleware",
    "controlplane.monitoring.tracing.RequestIds",
    "controlplane.monitoring.requests.CountRequests",
    "csp.middleware.CSPMiddleware",
    "controlplane.web.methods.KnownMethods",
    "controlplane.web.database.DatabaseGuard",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "controlplane.accounts.auditing.origin.RequestOrigin",
    "django.middleware.common.CommonMiddleware",
    "controlplane.accounts.request_limits.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "controlplane.accounts.own_name.OwnNameMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "controlplane.accounts.middleware.SignInRequiredMiddleware",
    "controlplane.accounts.middleware.SecondFactorRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "controlplane.web.errors.ActionErrorMiddleware",
    "controlplane.accounts.middleware.VerifyFirstMiddleware",
]
ROOT_URLCONF = "controlplane.urls"
ASGI_APPLICATION = "controlplane.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "controlplane.navigation.navigation",
            ],
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **dj_database_url.parse(
            _allowed(postgres_url, "DATABASE_URL", _text("DATABASE_URL", "postgresql://127.0.0.1:5433/controlplane"))
        ),
        "CONN_HEALTH_CHECKS": True,
    }
}
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 3
if _flag("DATABASE_POOL", False):
    # The web server's threads come and go with the requests; the pool keeps connections for them (see asgi.py).
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 16, "timeout": 3}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "controlplane.web.finders.PackageFinder",
]
STATIC_ROOT = Path(_text("STATIC_ROOT", str(DATA_DIR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}
SERVESTATIC_ADD_HEADERS_FUNCTION = protect_static_file
# Pages of other sites have no use for them.
SERVESTATIC_ALLOW_ALL_ORIGINS = False
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Sign-in and security ---------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["controlplane.accounts.backends.PasswordBackend"]
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "overview:index"
LOGOUT_REDIRECT_URL = "accounts:sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "controlplane.accounts.passwords.MaximumLength"},
    # It recognizes common passwords, the user's name, keyboard patterns and repetitions.
    {"NAME": "controlplane.accounts.passwords.Strength"},
]
# How long an invitation can be accepted.
INVITATION_DAYS = _at_least_one("INVITATION_DAYS", 3)
# Empty: admins deliver the links of accounts themselves, and passwords cannot be reset by email.
EMAIL_URL = _text("EMAIL_URL", "")
EMAIL_BACKEND = "controlplane.accounts.mail_server.VerifiedBackend"
if EMAIL_URL:
    globals().update(_mail(EMAIL_URL))
DEFAULT_FROM_EMAIL = _text("EMAIL_FROM", f"lakehouse@{urlsplit(PUBLIC_URL).hostname}")

# --- Single sign-on ---------------------------------------------------------------------------------------------------
# None: disabled.
SINGLE_SIGN_ON = single_sign_on(
    {
        "OIDC_ISSUER": _text("OIDC_ISSUER", ""),
        "OIDC_CLIENT_ID": _text("OIDC_CLIENT_ID", ""),
        "OIDC_CLIENT_SECRET": _text("OIDC_CLIENT_SECRET", ""),
        "OIDC_NAME": _text("OIDC_NAME", ""),
        "OIDC_ROLES_CLAIM": _text("OIDC_ROLES_CLAIM", ""),
        "OIDC_ROLE_MAP": _text("OIDC_ROLE_MAP", ""),
        "OIDC_DEFAULT_ROLE": _text("OIDC_DEFAULT_ROLE", ""),
        "OIDC_SCOPES": _text("OIDC_SCOPES", ""),
        "OIDC_ACR_VALUES": _text("OIDC_ACR_VALUES", ""),
    }
)
# Who may sign in with a password: everyone, or only admins (in case the provider is unreachable).
PASSWORD_SIGN_IN = password_sign_in(_text("PASSWORD_SIGN_IN", ""), SINGLE_SIGN_ON)
SOCIALACCOUNT_ADAPTER = "controlplane.accounts.single_sign_on.allauth_adapter.SocialAccountAdapter"

# --- Second factor ----------------------------------------------------------------------------------------------------
SECOND_FACTOR_KEYS = _second_factor_keys()
REQUIRE_SECOND_FACTOR = _text("REQUIRE_SECOND_FACTOR", "none")
if REQUIRE_SECOND_FACTOR not in ("none", "admins", "everyone"):
    raise ImproperlyConfigured(
        f"REQUIRE_SECOND_FACTOR must be none, admins or everyone, not {REQUIRE_SECOND_FACTOR!r}."
    )
MFA_ADAPTER = "controlplane.accounts.second_factor.adapter.Adapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# Codes of the previous and the next 30 seconds are accepted, because the clocks of phones differ.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODE_DIGITS = 10
MFA_WEBAUTHN_USER_VERIFICATION = "required"

# --- Cookies and headers ----------------------------------------------------------------------------------------------
_https = urlsplit(PUBLIC_URL).scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
# A proxy redirects http, and `OwnNameMiddleware` allows no session over plain http. Health checks and Prometheus use
# loopback; a redirect would send them outside.
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
# Proxies whose X-Forwarded-For and X-Forwarded-Proto are used. Django's own SECURE_PROXY_SSL_HEADER and
# USE_X_FORWARDED_HOST stay off: only `controlplane.web.proxies` reads these headers.
TRUSTED_PROXIES = _networks("TRUSTED_PROXIES")
# If the web server terminates TLS, it knows that a request used https.
TLS_CERTIFICATE = _text("TLS_CERTIFICATE", "")
if _https and not TRUSTED_PROXIES and not TLS_CERTIFICATE:
    raise ImproperlyConfigured(
        "PUBLIC_URL is https, but TRUSTED_PROXIES and TLS_CERTIFICATE are empty: no user could stay signed in, because "
        "only a trusted proxy can report that a request used https. Set TRUSTED_PROXIES to the address of the proxy "
        "that terminates TLS, or set TLS_CERTIFICATE and TLS_KEY to terminate TLS in the web server."
    )
if TLS_CERTIFICATE and not _https:
    raise ImproperlyConfigured(
        f"TLS_CERTIFICATE is set, but PUBLIC_URL is {PUBLIC_URL}. Set PUBLIC_URL to the public https address."
    )
# Cookies ignore ports: without own cookie names, two installations on one host would sign out each other's users.
_port = urlsplit(PUBLIC_URL).port or 0
SESSION_ENGINE = "controlplane.accounts.sessions"
SESSION_IDLE_MINUTES = _at_least_one("SESSION_IDLE_MINUTES", 60)
SESSION_MAX_HOURS = _at_least_one("SESSION_MAX_HOURS", 12)
# Audit rows older than this are deleted once a day; 0 keeps everything.
AUDIT_RETENTION_DAYS = _not_negative("AUDIT_RETENTION_DAYS", 0)
# Requests per minute of one user or token; 0 means no limit.
REQUESTS_PER_MINUTE = _not_negative("REQUESTS_PER_MINUTE", 3000)
SESSION_COOKIE_AGE = SESSION_MAX_HOURS * 3600
# With https, the prefix makes browsers accept them only from this host.
_prefix = "__Host-" if _https else ""
SESSION_COOKIE_NAME = f"{_prefix}lakehouse_session_{_port}"
# request -> a function that tells whether its session is still valid; used by live updates.
LIVE_SESSION = "controlplane.accounts.sessions.live_session"
# Service -> its probe. Probes belong to rooms above `health`, so the first check imports them.
HEALTH_PROBES = "controlplane.probes.PROBES"
CSRF_FAILURE_VIEW = "controlplane.accounts.refusal_pages.csrf_failure"
CSRF_COOKIE_NAME = f"{_prefix}lakehouse_csrf_{_port}"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains: those of the host belong to others
    "security.W008",  # SECURE_SSL_REDIRECT: see there
    "security.W021",  # HSTS preloading: browsers would keep the host for years, which its owner has to decide
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "frame-src": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

# --- Scenario runs ----------------------------------------------------------------------------------------------------
# Maximum parallel runs: the processes of the generator's worker. Further runs wait.
RUNS_AT_ONCE = _at_least_one("RUNS_AT_ONCE", 2)

# --- Celery -----------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_DEFAULT_QUEUE = "control"
# Work that uses a CPU for minutes has its own processes.
CELERY_TASK_ROUTES = {
    "controlplane.scenarios.tasks.generate": {"queue": "generator"},
    "controlplane.scenarios.tasks.read_recording": {"queue": "generator"},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Longer than the longest run: after this time, Redis delivers a task again. Work that must not wait that long is
# restored by the reconcilers, which read the database.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 6 * 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "retry_on_timeout": True,
}
CELERY_TIMEZONE = "UTC"

LOG_FORMAT = _text("LOG_FORMAT", "json")
if LOG_FORMAT not in ("json", "text"):
    raise ImproperlyConfigured(f"LOG_FORMAT must be json or text, not {LOG_FORMAT!r}.")
LOGGING = logging_configuration(LOG_FORMAT)
