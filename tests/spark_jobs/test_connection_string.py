"""Connection strings of Spark Connect keep the token where it belongs."""

import pytest
from pyspark.sql.connect.client import DefaultChannelBuilder

from spark_jobs.connection_string import authenticated, has_token, with_parameters, without_parameters

PRIVATE = {"PLAINTEXT_HOSTS": "spark-connect"}


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("sc://localhost:15002", "sc://localhost:15002/;token=se%2Fcret"),
        ("sc://localhost:15002/", "sc://localhost:15002/;token=se%2Fcret"),
        ("sc://spark.example:443/;use_ssl=true", "sc://spark.example:443/;use_ssl=true;token=se%2Fcret"),
        ("sc://spark-connect:15002", "sc://spark-connect:15002/;authorization=Bearer%20se%2Fcret"),
        ("sc://spark-connect:15002/;token=own", "sc://spark-connect:15002/;token=own"),
    ],
)
def test_the_token_goes_where_pyspark_sends_it(remote: str, expected: str) -> None:
    told = authenticated(remote, "se/cret", PRIVATE)
    assert told == expected
    assert has_token(told)
    assert authenticated(told, "another", PRIVATE) == told
    builder = DefaultChannelBuilder(with_parameters(told, session_id="00000000-0000-4000-8000-000000000000"))
    headers = dict(builder.metadata())
    assert builder.token == {"own": "own"}.get(remote[-3:], "se/cret") or headers["authorization"] == "Bearer se/cret"


def test_without_a_token_nothing_changes() -> None:
    assert authenticated("sc://localhost:15002", "") == "sc://localhost:15002"


def test_what_is_shown_has_no_token() -> None:
    for remote in ("sc://localhost:15002", "sc://spark-connect:15002"):
        assert without_parameters(authenticated(remote, "secret", PRIVATE)) == remote
