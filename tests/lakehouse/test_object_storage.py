"""What every object storage adapter does, and each thing that can be wrong with a store, in one sentence.

The refusals come over HTTP as S3 words them; those of a real MinIO are tests/minio's.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from controlplane.lakehouse import storage
from controlplane.lakehouse.adapters.null import NullObjectStorage
from controlplane.lakehouse.adapters.s3 import S3ObjectStorage
from controlplane.lakehouse.ports import ObjectStorage, StorageProblemError
from spark_jobs.object_store import REQUEST_SECONDS, ObjectStore, object_store
from tests.adapters import Adapters
from tests.waiting import done_within

ERROR = "<Error><Code>{code}</Code><Message>{message}</Message><Resource>/lake</Resource></Error>"
REFUSALS = {
    "InvalidAccessKeyId": (403, "does not know the access key. Set S3_ACCESS_KEY"),
    "SignatureDoesNotMatch": (403, "refuses the secret key. Set S3_SECRET_KEY"),
    "AccessDenied": (403, "may not write to the bucket lake"),
    "NoSuchBucket": (404, "There is no bucket lake at"),
    "XMinioStorageFull": (507, "is full. Free some space"),
    "XMinioServerNotInitialized": (503, "is still starting"),
    "SomethingNew": (400, "refuses: SomethingNew, As it says."),
}


def store(port: int) -> ObjectStore:
    return ObjectStore(f"http://127.0.0.1:{port}", "pipeline", "a-secret-of-it", "us-east-1", "lake")


@contextmanager
def server(status: int, body: str) -> Iterator[int]:
    """Answers every PUT the same; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield serving.server_address[1]
        finally:
            serving.shutdown()
            thread.join()


@pytest.fixture(params=["null", "s3"])
def answering(request: pytest.FixtureRequest) -> Iterator[ObjectStorage]:
    if request.param == "null":
        yield NullObjectStorage()
        return
    with server(200, "") as port:
        yield S3ObjectStorage(store(port))


@pytest.fixture(params=["null", "s3"])
def away(request: pytest.FixtureRequest) -> ObjectStorage:
    if request.param == "null":
        return NullObjectStorage(StorageProblemError("away", "No object storage answers at memory."))
    with socket.create_server(("127.0.0.1", 0)) as free:
        return S3ObjectStorage(store(free.getsockname()[1]))


def test_a_look_names_the_bucket(answering: ObjectStorage) -> None:
    assert answering.look() in ("memory", "lake")


def test_one_that_is_not_there_is_away(away: ObjectStorage) -> None:
    with pytest.raises(StorageProblemError, match="No object storage answers at") as raised:
        away.look()
    assert raised.value.kind == "away"


def test_one_that_takes_connections_and_says_nothing_is_silent_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        asked = S3ObjectStorage(store(frozen.getsockname()[1]))
        with (
            done_within(REQUEST_SECONDS, "the look"),
            pytest.raises(StorageProblemError, match=f"gave no answer within {REQUEST_SECONDS} s") as raised,
        ):
            asked.look()
        assert raised.value.kind == "silent"


@pytest.mark.parametrize("code", REFUSALS)
def test_each_refusal_is_one_sentence_and_a_remedy(code: str) -> None:
    status, said = REFUSALS[code]
    answer = server(status, ERROR.format(code=code, message="As it says."))
    with answer as port, pytest.raises(StorageProblemError) as raised:
        S3ObjectStorage(store(port)).look()
    assert raised.value.kind == code
    assert said in str(raised.value)
    assert len(str(raised.value)) < 300, "a page keeps no more"
    assert "a-secret-of-it" not in str(raised.value)


@pytest.mark.parametrize(("operated_with", "command"), [("make", "make up"), ("compose", "docker compose up -d setup")])
def test_a_remedy_names_the_command_of_the_place(
    monkeypatch: pytest.MonkeyPatch, operated_with: str, command: str
) -> None:
    monkeypatch.setenv("OPERATED_WITH", operated_with)
    answer = server(404, ERROR.format(code="NoSuchBucket", message="As it says."))
    with answer as port, pytest.raises(StorageProblemError, match=f"Run `{command}`, which makes an empty one"):
        S3ObjectStorage(store(port)).look()


def test_the_probe_says_what_the_storage_says(adapters: Adapters) -> None:
    held = NullObjectStorage()
    adapters.use(object_storage=held)
    assert (storage.look().state, storage.look().summary) == ("up", "Healthy. Bucket memory is writable.")
    held.problem = StorageProblemError("NoSuchBucket", "There is no bucket.")
    reading = storage.look()
    assert (reading.state, reading.summary) == ("down", "There is no bucket.")
    assert reading.detail == {"problem": "NoSuchBucket"}


def test_a_folder_has_no_store_and_a_bucket_has_one() -> None:
    assert object_store({"S3_ENDPOINT": ""}) is None
    known = {"S3_ENDPOINT": "http://s3:9000/", "S3_ACCESS_KEY": "k", "S3_SECRET_KEY": "s", "S3_BUCKET": "lake"}
    known["PLAINTEXT_HOSTS"] = "s3"
    assert object_store({**known, "STORAGE": "folder"}) is None, "said outright, it holds"
    assert object_store(known) == ObjectStore("http://s3:9000", "k", "s", "us-east-1", "lake")


def test_the_secret_shows_in_no_text_of_the_store() -> None:
    assert "a-secret-of-it" not in f"{store(1)} {store(1)!r}"
