"""OpenAPI links: which operations take what an operation has created or listed.

Generated clients and tools find the next request by them, and `tests/access/test_contract.py` follows them.
"""

from dataclasses import dataclass
from typing import Any

CREATED = ("201", "202")
_PERSON = ("change_person", "list_tokens_of", "list_sessions_of", "list_second_factors_of", "make_reset_link")
_SCENARIO = ("scenario_read", "scenario_copy", "scenario_run", "schedule_make")
_RUN = (*("run_read", "run_stop", "run_pause", "run_resume", "run_speed", "run_replay", "run_faults", "run_as_report"),)
_SCHEDULE = ("schedule_read", "schedule_put", "schedule_rest", "schedule_go_on", "schedule_ticks", "schedule_remove")
_RECORDING = ("recording_one", "reading_ask", "recording_beginning", "recording_remove")


@dataclass(frozen=True)
class Link:
    """What the response of `source` gives to other operations.

    Args:
        source: the id of an operation that creates something, or lists it: then its first item is meant.
        values: parameter -> runtime expression (OpenAPI 3.1, "Runtime Expressions").
        targets: the ids of the operations that take these parameters.
    """

    source: str
    values: dict[str, str]
    targets: tuple[str, ...]


def _body(field: str) -> str:
    return f"$response.body#/{field}"


def _first(field: str) -> str:
    return _body(f"items/0/{field}")


LINKS = (
    Link("add_person", {"username": _body("username")}, _PERSON),
    Link("invite", {"username": _body("person")}, ("renew_invitation", "change_person")),
    Link("invite", {"link_id": _body("id")}, ("end_link",)),
    Link("renew_invitation", {"link_id": _body("id")}, ("end_link",)),
    Link("make_reset_link", {"link_id": _body("id")}, ("end_link",)),
    Link(
        "add_service_account",
        {"username": _body("username")},
        ("change_service_account", "change_person", "list_tokens_of", "make_token_for"),
    ),
    Link("make_token", {"token_id": _body("id")}, ("end_token",)),
    Link("make_token_for", {"username": "$request.path.username", "token_id": _body("id")}, ("end_token_of",)),
    Link("add_totp", {"factor_id": _body("id")}, ("rename_factor", "remove_factor")),
    Link("scenario_keep", {"slug": _body("slug")}, _SCENARIO),
    Link("scenario_keep", {"slug": _body("slug"), "number": _body("version")}, ("scenario_document",)),
    Link("scenario_copy", {"slug": _body("slug")}, _SCENARIO),
    Link("scenario_run", {"run_id": _body("id")}, _RUN),
    Link("run_replay", {"run_id": _body("id")}, _RUN),
    Link("run_replay", {"run_id": _body("id"), "other_id": "$request.path.run_id"}, ("run_compare",)),
    Link("schedule_make", {"schedule_id": _body("id")}, _SCHEDULE),
    Link("recording_keep", {"sha256": _body("sha256")}, _RECORDING),
    Link("reading_ask", {"sha256": "$request.path.sha256"}, ("recording_one", "recording_beginning")),
    Link("recount", {"count_id": _body("id")}, ("read_count",)),
    Link("trigger", {"run_id": _body("run_id")}, ("dag_run",)),
    Link("submit", {"job_id": _body("id")}, ("spark_job",)),
    Link("list_links", {"link_id": _first("id")}, ("end_link",)),
    Link("list_audit", {"entry_id": _first("id")}, ("get_audit",)),
    Link("scenario_list", {"slug": _first("slug")}, _SCENARIO),
    Link("run_list", {"run_id": _first("id")}, _RUN),
    Link("schedule_list", {"schedule_id": _first("id")}, _SCHEDULE),
    Link("recording_list", {"sha256": _first("sha256")}, _RECORDING),
    Link("list_validations", {"validation_id": _first("id")}, ("read_validation", "read_document")),
    Link(
        "list_tables",
        {"namespace": _first("namespace"), "name": _first("short_name")},
        ("read_table", "list_snapshots"),
    ),
    Link("list_dag_runs", {"run_id": _first("run_id")}, ("dag_run",)),
    Link("list_spark_jobs", {"job_id": _first("id")}, ("spark_job",)),
)


def describe_links(description: dict[str, Any]) -> None:
    """Add `LINKS` to the responses of an OpenAPI document."""
    operations = {one["operationId"]: one for path in description["paths"].values() for one in path.values()}
    for link in LINKS:
        responses = operations[link.source]["responses"]
        (success,) = (response for status, response in responses.items() if str(status) in ("200", *CREATED))
        for target in link.targets:
            success.setdefault("links", {})[target] = {"operationId": target, "parameters": dict(link.values)}
