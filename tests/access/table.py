"""Who may do what, by the name of each page and the id of each operation of the API.

This table is what the matrix expects. It is written by hand and never read from the code that enforces access. A page
or operation that isn't here fails the matrix: add its line, with the least role that it is for.
"""

from dataclasses import dataclass, field
from typing import Any

from controlplane.accounts.roles import Role
from tests.access import world as w

ANYBODY = None
VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN
NOT_SERVED = "not served"
UUIDS = {"request_id": "00000000-0000-0000-0000-00000000aaaa"}


@dataclass(frozen=True)
class Page:
    """A page: who may read it (GET, HEAD) and who may send its form (POST), which changes something.

    `answers` are the statuses of a form that is allowed, where it isn't answered with a redirect; `shows` those of
    reading it.
    """

    path: str
    reads: Role | str | None = VIEWER
    sends: Role | str | None = NOT_SERVED
    form: dict[str, Any] = field(default_factory=dict)
    answers: tuple[int, ...] = (302,)
    heads: bool = True
    shows: tuple[int, ...] = (200, 302)


@dataclass(frozen=True)
class Operation:
    """An operation: its least role, whether it changes something, and whether tokens may ask for it.

    `people` is whether a token needs the scope `people`.
    `answers` are the statuses where it is allowed: a success, or 404 for what is another person's.
    """

    method: str
    path: str
    role: Role | str | None = VIEWER
    changes: bool = False
    by_session: bool = False
    body: dict[str, Any] | None = None
    answers: tuple[int, ...] = (200,)
    people: bool = False


_DOCUMENT = {"document": w.DOCUMENT.replace("My own", "Another one")}
_SCHEDULE = {"version": "1", "kind": "cron", "cron": "0 6 * * *", "seeds": "new", **UUIDS}
_PERSON = f"/people/by-name/{w.OTHER}/"
_SERVICE = f"/people/service-accounts/by-name/{w.SERVICE}/"
_RUN, _ENDED = f"/scenarios/runs/{w.RUN_WAITING}/", f"/scenarios/runs/{w.RUN_ENDED}/"
_PLAN, _RECORDING = f"/scenarios/schedules/{w.SCHEDULE}/", f"/scenarios/recordings/{w.RECORDING}/"
_DAG, _JOB = f"/runs/dag/{w.DAG_RUN}/", f"/runs/jobs/{w.JOB}/"

PAGES: dict[str, Page] = {
    "overview:index": Page("/"),
    "overview:live": Page("/overview/live/"),
    "overview:rates": Page("/overview/rates.json"),
    "overview:first-step": Page("/overview/first-steps/scenario/", NOT_SERVED, OPERATOR),
    "accounts:sign-in": Page("/sign-in/", ANYBODY, ANYBODY, {"username": "nobody-here", "password": "x"}, (302, 401)),
    # 404: there is no provider.
    "accounts:sso": Page("/sign-in/sso/", ANYBODY, ANYBODY, answers=(404,), heads=False, shows=(404,)),
    "accounts:sso-callback": Page("/sign-in/sso/callback/", ANYBODY, heads=False, shows=(404,)),
    "accounts:sso-connect": Page("/settings/single-sign-on/", NOT_SERVED, VIEWER, {"password": w.PASSWORD}, (404,)),
    # Nobody here has given a password and waits for the second step.
    "accounts:sign-in-second-factor": Page("/sign-in/second-factor/", ANYBODY, ANYBODY, {"code": "123456"}),
    "accounts:sign-in-second-factor-passkey": Page(
        "/sign-in/second-factor/passkey/", NOT_SERVED, ANYBODY, answers=(409,)
    ),
    "accounts:sign-in-passkey": Page("/sign-in/passkey/", NOT_SERVED, ANYBODY, {"credential": "{}"}, (302, 401)),
    "accounts:sign-in-passkey-options": Page("/sign-in/passkey/options/", NOT_SERVED, ANYBODY, answers=(409,)),
    # A code that belongs to no link.
    "accounts:account-link": Page(
        "/account-link/", ANYBODY, ANYBODY, {"code": "#nothing", "password": "a long enough passphrase"}, (410,)
    ),
    "accounts:forgot-password": Page("/forgot-password/", ANYBODY, ANYBODY, {"username": w.OTHER}, (200,)),
    # No form of a page of ours.
    "accounts:session": Page("/session/", NOT_SERVED, ANYBODY, {"code": "x"}, (403,)),
    "accounts:sign-out": Page("/sign-out/", NOT_SERVED, VIEWER),
    "accounts:activity": Page("/activity/"),
    "accounts:activity-entry": Page(f"/activity/{w.REFUSED_SIGN_IN}/"),
    "accounts:activity-csv": Page("/activity/export.csv", ADMIN),
    "accounts:activity-jsonl": Page("/activity/export.jsonl", ADMIN),
    "accounts:people": Page("/people/", ADMIN),
    # The link that was made is on the page that answers.
    "accounts:person-add": Page("/people/add/", ADMIN, ADMIN, {"username": "grace", "role": "viewer"}, (200,)),
    "accounts:person": Page(_PERSON, ADMIN, ADMIN, {"role": "operator", "active": "on"}),
    "accounts:person-link": Page(f"{_PERSON}link/", NOT_SERVED, ADMIN, answers=(200,)),
    "accounts:person-email": Page(f"{_PERSON}email/", NOT_SERVED, ADMIN, {"email": "quentin@example.org"}),
    "accounts:person-sso-connect": Page(
        f"{_PERSON}single-sign-on/", NOT_SERVED, ADMIN, {"sign_in": str(w.REFUSED_SIGN_IN)}
    ),
    "accounts:person-sso-disconnect": Page(
        f"/people/by-name/{w.CONNECTED}/single-sign-on/disconnect/", NOT_SERVED, ADMIN
    ),
    "accounts:person-factors-reset": Page(f"{_PERSON}second-factors/reset/", NOT_SERVED, ADMIN),
    "accounts:link-revoke": Page(f"/people/links/{w.LINK}/revoke/", NOT_SERVED, ADMIN),
    "accounts:service-account-add": Page(
        "/people/service-accounts/add/",
        ADMIN,
        ADMIN,
        {"username": "nightly", "role": "viewer", "owner": w.AUTHOR, "description": "At night."},
    ),
    # Its owner reads it, too (`test_the_owner_of_a_service_account`).
    "accounts:service-account": Page(_SERVICE, ADMIN, ADMIN, {"owner": w.AUTHOR, "description": "At night."}),
    "accounts:service-account-token-add": Page(
        f"{_SERVICE}tokens/", NOT_SERVED, ADMIN, {"name": "mine", "scope": "read", "days": "7"}, (200,)
    ),
    "accounts:person-sessions-end": Page(f"{_PERSON}sessions/end/", NOT_SERVED, ADMIN),
    "accounts:settings": Page("/settings/"),
    "accounts:password": Page(
        "/settings/password/", VIEWER, VIEWER, {"current": w.PASSWORD, "password": "a long enough passphrase"}
    ),
    "accounts:verify": Page("/settings/verify/", VIEWER, VIEWER, {"password": w.PASSWORD}),
    # The tests' host can have no passkeys.
    "accounts:verify-passkey": Page("/settings/verify/passkey/", NOT_SERVED, VIEWER, answers=(409,)),
    # There is no provider.
    "accounts:verify-sso": Page("/settings/verify/single-sign-on/", NOT_SERVED, VIEWER, answers=(404,)),
    "accounts:second-factors": Page("/settings/second-factors/"),
    "accounts:totp": Page("/settings/second-factors/totp/", VIEWER, VIEWER, {"code": "123456"}, (422,)),
    "accounts:passkey-add": Page(
        "/settings/second-factors/passkeys/", VIEWER, VIEWER, {"name": "laptop", "credential": "{}"}, (401,)
    ),
    "accounts:passkey-options": Page("/settings/second-factors/passkeys/options/", NOT_SERVED, VIEWER, answers=(409,)),
    # The visitors have no second factor; the one below is another person's.
    "accounts:recovery-codes": Page("/settings/second-factors/recovery-codes/", NOT_SERVED, VIEWER),
    "accounts:second-factor-rename": Page(
        f"/settings/second-factors/{w.OTHER_FACTOR}/rename/", NOT_SERVED, VIEWER, {"name": "mine"}
    ),
    "accounts:second-factor-remove": Page(f"/settings/second-factors/{w.OTHER_FACTOR}/remove/", NOT_SERVED, VIEWER),
    "accounts:time-zone": Page("/settings/time-zone/", NOT_SERVED, VIEWER, {"time_zone": "Asia/Tokyo"}),
    "accounts:token-add": Page(
        "/settings/tokens/", VIEWER, VIEWER, {"name": "mine", "scope": "read", "days": "7"}, (200,)
    ),
    # Another person's: only admins end them here.
    "accounts:token-revoke": Page(f"/settings/tokens/{w.OTHER_TOKEN_ID}/revoke/", NOT_SERVED, ADMIN),
    "accounts:sessions-end": Page("/settings/sessions/end/", NOT_SERVED, VIEWER),
    "accounts:session-end": Page(f"/settings/sessions/{w.OTHER_PUBLIC_ID}/end/", NOT_SERVED, ADMIN),
    "scenarios:index": Page("/scenarios/"),
    "scenarios:index-live": Page("/scenarios/live/"),
    "scenarios:new": Page("/scenarios/new/", OPERATOR, OPERATOR, {**_DOCUMENT, "base": "", "act": "save"}),
    "scenarios:schedules": Page("/scenarios/schedules/"),
    "scenarios:schedule-new": Page(f"/scenarios/schedules/new/?scenario={w.SCENARIO}", OPERATOR, OPERATOR, _SCHEDULE),
    "scenarios:schedule-times": Page("/scenarios/schedules/times/?cron=0+6+*+*+*"),
    "scenarios:schedule": Page(_PLAN),
    "scenarios:schedule-live": Page(f"{_PLAN}live/"),
    "scenarios:schedule-change": Page(f"{_PLAN}change/", OPERATOR, OPERATOR, _SCHEDULE),
    "scenarios:schedule-pause": Page(f"{_PLAN}pause/", NOT_SERVED, OPERATOR),
    "scenarios:schedule-resume": Page(f"{_PLAN}resume/", NOT_SERVED, OPERATOR),
    "scenarios:schedule-delete": Page(f"{_PLAN}delete/", NOT_SERVED, OPERATOR),
    "scenarios:runs": Page("/scenarios/runs/"),
    "scenarios:run": Page(_RUN),
    "scenarios:run-live": Page(f"{_RUN}live/"),
    "scenarios:run-rates": Page(f"{_RUN}rates.json"),
    "scenarios:run-stop": Page(f"{_RUN}stop/", NOT_SERVED, OPERATOR),
    "scenarios:run-pause": Page(f"{_RUN}pause/", NOT_SERVED, OPERATOR),
    "scenarios:run-resume": Page(f"{_RUN}resume/", NOT_SERVED, OPERATOR),
    "scenarios:run-speed": Page(f"{_RUN}speed/", NOT_SERVED, OPERATOR, {"speed": "2"}),
    "scenarios:run-replay": Page(f"{_ENDED}replay/", NOT_SERVED, OPERATOR, UUIDS),
    "scenarios:run-latency": Page(f"{_RUN}latency.json"),
    "scenarios:run-report-json": Page(f"{_ENDED}report.json"),
    "scenarios:run-report-html": Page(f"{_ENDED}report.html"),
    "scenarios:compare": Page(f"/scenarios/compare/?run={w.RUN_WAITING}&run={w.RUN_ENDED}"),
    "scenarios:compare-rates": Page(f"/scenarios/compare/rates.json?run={w.RUN_WAITING}&run={w.RUN_ENDED}"),
    "scenarios:recordings": Page("/scenarios/recordings/"),
    # Without a file: nothing to keep.
    "scenarios:recording-new": Page("/scenarios/recordings/new/", OPERATOR, OPERATOR, {}, (422,)),
    "scenarios:recording": Page(_RECORDING),
    "scenarios:recording-live": Page(f"{_RECORDING}live/"),
    "scenarios:recording-map": Page(f"{_RECORDING}map/", OPERATOR, OPERATOR, {}, (200,)),
    "scenarios:recording-delete": Page(f"{_RECORDING}delete/", NOT_SERVED, OPERATOR),
    "scenarios:detail": Page(f"/scenarios/{w.SCENARIO}/"),
    "scenarios:edit": Page(
        f"/scenarios/{w.SCENARIO}/edit/", OPERATOR, OPERATOR, {"document": w.DOCUMENT, "base": "", "act": "save"}
    ),
    "scenarios:run-start": Page(f"/scenarios/{w.SCENARIO}/run/", NOT_SERVED, OPERATOR, UUIDS),
    "scenarios:document": Page(f"/scenarios/{w.SCENARIO}/document.yaml"),
    "quality:index": Page("/quality/"),
    "quality:detail": Page(f"/quality/{w.VALIDATION}/"),
    "quality:document": Page(f"/quality/{w.VALIDATION}/document/"),
    "lakehouse:index": Page("/lakehouse/"),
    "lakehouse:table": Page("/lakehouse/silver/events/"),
    "lakehouse:records": Page("/lakehouse/silver/events/records.json"),
    "ledger:index": Page("/ledger/"),
    "ledger:live": Page("/ledger/live/"),
    "ledger:recount": Page("/ledger/recount/", NOT_SERVED, OPERATOR, UUIDS),
    "bi:index": Page("/bi/"),
    "streaming:index": Page("/stream/"),
    "streaming:live": Page("/stream/live/"),
    "streaming:start": Page("/stream/start/", NOT_SERVED, OPERATOR, UUIDS),
    "streaming:stop": Page("/stream/stop/", NOT_SERVED, OPERATOR, UUIDS),
    "streaming:configure": Page(
        "/stream/configure/", NOT_SERVED, OPERATOR, {"trigger_seconds": "9", "max_offsets_per_trigger": "5000"}
    ),
    "streaming:records": Page("/stream/records/"),
    "streaming:rates": Page("/stream/rates.json"),
    "streaming:lag": Page("/stream/lag.json"),
    "streaming:phases": Page("/stream/phases.json"),
    "orchestration:index": Page("/runs/"),
    "orchestration:live": Page("/runs/live/"),
    "orchestration:trigger": Page("/runs/dag/", NOT_SERVED, OPERATOR, UUIDS),
    "orchestration:dag-run": Page(_DAG),
    "orchestration:dag-run-live": Page(f"{_DAG}live/"),
    "orchestration:dag-run-snapshots": Page(f"{_DAG}snapshots/"),
    "orchestration:log": Page(f"{_DAG}log/first/1/"),
    "orchestration:submit": Page("/runs/jobs/", NOT_SERVED, OPERATOR, {"job": "silver.events", **UUIDS}),
    "orchestration:spark-job": Page(_JOB),
    "orchestration:spark-job-live": Page(f"{_JOB}live/"),
    "orchestration:spark-job-snapshots": Page(f"{_JOB}snapshots/"),
    "monitoring:runbooks": Page("/runbooks/"),
    "monitoring:runbook": Page("/runbooks/dag-run-failed/"),
    "search:index": Page("/search/?q=event"),
    "api:openapi-view": Page("/api/v1/docs"),
    "api:openapi-json": Page("/api/v1/openapi.json", ANYBODY),
}
# Not for people at all: its token is METRICS_TOKEN, and everybody else gets 401 (`test_metrics_need_their_token`).
MACHINES = {"monitoring:metrics": "/metrics"}

_RUNS, _ENDED_RUN = f"/scenario-runs/{w.RUN_WAITING}", f"/scenario-runs/{w.RUN_ENDED}"
_PLANS, _FILES = f"/scenario-schedules/{w.SCHEDULE}", f"/recordings/{w.RECORDING}"
_OTHER, _FACTOR = f"/people/{w.OTHER}", f"/me/second-factors/{w.OTHER_FACTOR}"
PASSWORD = "a long enough passphrase"

OPERATIONS: dict[str, Operation] = {
    "me": Operation("GET", "/me"),
    "change_me": Operation("PATCH", "/me", VIEWER, True, body={"time_zone": "Asia/Tokyo"}),
    "my_tokens": Operation("GET", "/me/tokens", by_session=True),
    "make_token": Operation(
        "POST", "/me/tokens", VIEWER, True, True, body={"name": "mine", "scope": "read"}, answers=(201,)
    ),
    "end_token": Operation("DELETE", f"/me/tokens/{w.OTHER_TOKEN_ID}", VIEWER, True, True, answers=(404,)),
    "my_sessions": Operation("GET", "/me/sessions", by_session=True),
    "end_my_sessions": Operation("DELETE", "/me/sessions", VIEWER, True, True, answers=(204,)),
    "end_my_session": Operation("DELETE", f"/me/sessions/{w.OTHER_PUBLIC_ID}", VIEWER, True, True, answers=(404,)),
    "my_service_accounts": Operation("GET", "/me/service-accounts"),
    "verify": Operation("POST", "/me/verification", VIEWER, True, True, body={"password": w.PASSWORD}, answers=(204,)),
    "my_second_factors": Operation("GET", "/me/second-factors", by_session=True),
    "draw_totp_key": Operation("POST", "/me/second-factors/totp/key", VIEWER, True, True, answers=(201,)),
    # No key is waiting for a code, there is no factor to have codes beside, and the factor is another person's.
    "add_totp": Operation(
        "POST", "/me/second-factors/totp", VIEWER, True, True, body={"code": "123456"}, answers=(422,)
    ),
    "rename_factor": Operation("PATCH", _FACTOR, VIEWER, True, True, body={"name": "mine"}, answers=(404,)),
    "remove_factor": Operation("DELETE", _FACTOR, VIEWER, True, True, answers=(404,)),
    "create_recovery_codes": Operation("POST", "/me/recovery-codes", VIEWER, True, True, answers=(409,)),
    "list_second_factors_of": Operation("GET", f"{_OTHER}/second-factors", ADMIN, by_session=True),
    "reset_second_factors_of": Operation("DELETE", f"{_OTHER}/second-factors", ADMIN, True, True, answers=(204,)),
    "list_people": Operation("GET", "/people", ADMIN),
    "add_person": Operation(
        "POST", "/people", ADMIN, True, body={"username": "grace", "password": PASSWORD}, answers=(201,), people=True
    ),
    "change_person": Operation("PATCH", _OTHER, ADMIN, True, body={"role": "operator"}, people=True),
    "invite": Operation("POST", "/invitations", ADMIN, True, body={"username": "grace"}, answers=(201,), people=True),
    "renew_invitation": Operation("POST", f"/people/{w.INVITED}/invitation", ADMIN, True, answers=(201,), people=True),
    "make_reset_link": Operation("POST", f"{_OTHER}/reset-link", ADMIN, True, True, answers=(201,)),
    "list_links": Operation("GET", "/account-links", ADMIN),
    "end_link": Operation("DELETE", f"/account-links/{w.LINK}", ADMIN, True, answers=(204,)),
    "add_service_account": Operation(
        "POST", "/service-accounts", ADMIN, True, body={"username": "nightly", "owner": w.AUTHOR}, answers=(201,)
    ),
    "change_service_account": Operation(
        "PATCH", f"/service-accounts/{w.SERVICE}", ADMIN, True, body={"description": "At night."}
    ),
    "single_sign_on_of": Operation(
        "POST",
        f"{_OTHER}/single-sign-on",
        ADMIN,
        True,
        True,
        body={"sign_in": str(w.REFUSED_SIGN_IN)},
        answers=(204,),
    ),
    "end_single_sign_on_of": Operation(
        "DELETE", f"/people/{w.CONNECTED}/single-sign-on", ADMIN, True, True, answers=(204,)
    ),
    # A service account's owner may, too (`test_the_owner_of_a_service_account`).
    "list_tokens_of": Operation("GET", f"{_OTHER}/tokens", ADMIN, by_session=True),
    "make_token_for": Operation(
        "POST", f"/people/{w.SERVICE}/tokens", ADMIN, True, True, body={"name": "mine"}, answers=(201,)
    ),
    "end_token_of": Operation("DELETE", f"{_OTHER}/tokens/{w.OTHER_TOKEN_ID}", ADMIN, True, True, answers=(204,)),
    "list_sessions_of": Operation("GET", f"{_OTHER}/sessions", ADMIN, by_session=True),
    "end_sessions_of": Operation("DELETE", f"{_OTHER}/sessions", ADMIN, True, True, answers=(204,)),
    "end_session_of": Operation("DELETE", f"{_OTHER}/sessions/{w.OTHER_PUBLIC_ID}", ADMIN, True, True, answers=(204,)),
    "list_audit": Operation("GET", "/audit"),
    "export_audit": Operation("GET", "/audit/export", ADMIN),
    "audit_verification": Operation("GET", "/audit/verification"),
    "get_audit": Operation("GET", f"/audit/{w.REFUSED_SIGN_IN}"),
    "health": Operation("GET", "/health"),
    "scenario_list": Operation("GET", "/scenarios"),
    "scenario_keep": Operation("POST", "/scenarios", OPERATOR, True, body=_DOCUMENT, answers=(201,)),
    "scenario_read": Operation("GET", f"/scenarios/{w.SCENARIO}"),
    "scenario_copy": Operation(
        "POST", f"/scenarios/{w.SCENARIO}/clone", OPERATOR, True, body={"name": "A copy"}, answers=(201,)
    ),
    "scenario_versions": Operation("GET", f"/scenarios/{w.SCENARIO}/versions"),
    "scenario_document": Operation("GET", f"/scenarios/{w.SCENARIO}/versions/1/document.yaml"),
    "scenario_schema": Operation("GET", "/scenario-schema"),
    "fault_kinds": Operation("GET", "/scenario-faults"),
    "metrics": Operation("GET", "/scenario-metrics"),
    # A POST that keeps nothing: everybody may see what a document would do.
    "scenario_preview": Operation("POST", "/scenario-preview", body=_DOCUMENT),
    "recording_list": Operation("GET", "/recordings"),
    "recording_keep": Operation("POST", "/recordings", OPERATOR, True, body={"file": w.RECORDED}, answers=(201,)),
    "recording_one": Operation("GET", _FILES),
    "recording_remove": Operation("DELETE", _FILES, OPERATOR, True, answers=(204,)),
    "reading_ask": Operation("POST", f"{_FILES}/readings", OPERATOR, True, body={"mapping": "rees46"}, answers=(201,)),
    "recording_beginning": Operation("POST", f"{_FILES}/beginning", OPERATOR, body={"mapping": "rees46"}),
    "scenario_run": Operation("POST", f"/scenarios/{w.SCENARIO}/runs", OPERATOR, True, answers=(201,)),
    "run_list": Operation("GET", "/scenario-runs"),
    "run_read": Operation("GET", _RUNS),
    "run_stop": Operation("POST", f"{_RUNS}/stop", OPERATOR, True),
    "run_pause": Operation("POST", f"{_RUNS}/pause", OPERATOR, True),
    "run_resume": Operation("POST", f"{_RUNS}/resume", OPERATOR, True),
    "run_speed": Operation("POST", f"{_RUNS}/speed", OPERATOR, True, body={"speed": 2}),
    "run_replay": Operation("POST", f"{_ENDED_RUN}/replay", OPERATOR, True, answers=(201,)),
    "run_faults": Operation("GET", f"{_ENDED_RUN}/faults"),
    "run_as_report": Operation("GET", f"{_ENDED_RUN}/report"),
    "run_compare": Operation("GET", f"{_RUNS}/compare/{w.RUN_ENDED}"),
    "schedule_make": Operation(
        "POST", f"/scenarios/{w.SCENARIO}/schedules", OPERATOR, True, body={"cron": "0 6 * * *"}, answers=(201,)
    ),
    "schedule_list": Operation("GET", "/scenario-schedules"),
    "schedule_read": Operation("GET", _PLANS),
    "schedule_put": Operation("PUT", _PLANS, OPERATOR, True, body={"cron": "0 6 * * *"}),
    "schedule_remove": Operation("DELETE", _PLANS, OPERATOR, True, answers=(204,)),
    "schedule_rest": Operation("POST", f"{_PLANS}/pause", OPERATOR, True),
    "schedule_go_on": Operation("POST", f"{_PLANS}/resume", OPERATOR, True),
    "schedule_ticks": Operation("GET", f"{_PLANS}/ticks"),
    "list_validations": Operation("GET", "/validations"),
    "list_unreadable": Operation("GET", "/validations/unreadable"),
    "read_validation": Operation("GET", f"/validations/{w.VALIDATION}"),
    "read_document": Operation("GET", f"/validations/{w.VALIDATION}/document"),
    "list_tables": Operation("GET", "/tables"),
    "read_table": Operation("GET", "/tables/silver/events"),
    "list_snapshots": Operation("GET", "/tables/silver/events/snapshots"),
    "read_ledger": Operation("GET", "/ledger"),
    "recount": Operation("POST", "/ledger/recount", OPERATOR, True, answers=(202,)),
    "read_count": Operation("GET", f"/ledger/counts/{w.STATEMENT}"),
    "stream_read": Operation("GET", "/stream"),
    "start": Operation("POST", "/stream/start", OPERATOR, True),
    "stop": Operation("POST", "/stream/stop", OPERATOR, True),
    "batches_list": Operation("GET", "/stream/batches"),
    "configurations": Operation("GET", "/stream/configurations"),
    "configure": Operation(
        "POST",
        "/stream/configurations",
        OPERATOR,
        True,
        body={"trigger_seconds": 9, "max_offsets_per_trigger": 5000},
    ),
    "records": Operation("GET", "/stream/records"),
    "list_dag_runs": Operation("GET", "/dag-runs"),
    "trigger": Operation("POST", "/dag-runs", OPERATOR, True, body={}, answers=(202,)),
    "dag_run": Operation("GET", f"/dag-runs/{w.DAG_RUN}"),
    "log": Operation("GET", f"/dag-runs/{w.DAG_RUN}/tasks/first/log"),
    "list_spark_jobs": Operation("GET", "/spark-jobs"),
    "submit": Operation("POST", "/spark-jobs", OPERATOR, True, body={"job": "silver.events"}, answers=(202,)),
    "spark_job": Operation("GET", f"/spark-jobs/{w.JOB}"),
    "search": Operation("GET", "/search?q=event"),
}

# The programs behind the gateway, by the path below which they are served.
UPSTREAMS: dict[str, Role] = {"/bi/app/": VIEWER, "/spark/": OPERATOR, "/prometheus/": OPERATOR}
