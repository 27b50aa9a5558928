"""What lies in the bucket, who may do what in it, and what `make up` says of one that it can't use."""

from pathlib import Path

import httpx
import pytest
from minio import Minio
from minio.error import S3Error
from pyiceberg.catalog import Catalog

from compose.local.credentials import load_secrets, minio_metrics_token
from spark_jobs.object_store import ObjectStore
from tests.stack import Stack
from tests.system.api import ControlPlane

pytestmark = [pytest.mark.stack, pytest.mark.minio]


def test_every_table_lies_in_the_bucket_and_nothing_in_the_folder(
    stack: Stack, stack_lake: Catalog, toured: str
) -> None:
    names = [name for namespace in stack_lake.list_namespaces() for name in stack_lake.list_tables(namespace)]
    assert len(names) >= 6
    assert {stack_lake.load_table(name).metadata.location.split("/")[0:3][2] for name in names} == {"lakehouse"}
    assert {file.parts[0] for file in _files(stack.data / "warehouse")} == set()
    assert {file.parts[0] for file in _files(stack.data / "checkpoints")} == {"bronze.events"}


def _files(folder: Path) -> list[Path]:
    return [file.relative_to(folder) for file in folder.rglob("*") if file.is_file()]


def test_validations_lie_beside_their_tables(user: Minio, toured: str) -> None:
    found = user.list_objects("lakehouse", prefix="warehouse/silver/events.validations/")
    assert any(str(one.object_name).endswith(".json") for one in found)


def test_the_pipelines_user_may_work_in_its_bucket_only(user: Minio) -> None:
    for refused in (
        lambda: user.make_bucket("another"),
        lambda: user.remove_bucket("lakehouse"),
        lambda: user.delete_bucket_policy("lakehouse"),
        lambda: user.get_bucket_lifecycle("lakehouse"),
    ):
        with pytest.raises(S3Error) as raised:
            refused()
        assert raised.value.code == "AccessDenied"
    assert [bucket.name for bucket in user.list_buckets()] in ([], ["lakehouse"])


def test_the_part_is_up_and_links_to_its_console(stack: Stack, control_plane: ControlPlane) -> None:
    part = control_plane.wait_part("storage", "up", within=30)
    assert part["summary"] == "Healthy. Bucket lakehouse is writable."
    name = load_secrets(stack.data)["minio_name"]
    assert part["address"] == f"http://{name}.localhost:{stack.settings.port('MINIO_CONSOLE_PORT')}"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"S3_ACCESS_KEY": "nobody"}, "does not know the access key. Set S3_ACCESS_KEY"),
        ({"S3_SECRET_KEY": "not-the-secret"}, "refuses the secret key. Set S3_SECRET_KEY"),
        ({"S3_BUCKET": "another"}, "may not write to the bucket another"),
        ({"S3_ENDPOINT": "http://127.0.0.1:1"}, "No object storage answers at http://127.0.0.1:1."),
    ],
)
def test_make_up_says_in_one_line_what_is_wrong_with_a_given_s3(
    stack: Stack, store: ObjectStore, tmp_path: Path, wrong: dict[str, str], said: str
) -> None:
    given = {
        "S3_ENDPOINT": store.endpoint,
        "S3_ACCESS_KEY": store.access_key,
        "S3_SECRET_KEY": store.secret_key,
        "S3_BUCKET": store.bucket,
        "LAKEHOUSE_DATA": str(tmp_path),
        "PORT_OFFSET": "2500",
    }
    tried = stack.command("-m", "compose.local", "up", "--only", "redis", timeout=120, **(given | wrong))
    assert tried.returncode == 1, tried.stdout
    lines = [line for line in tried.stderr.splitlines() if line]
    assert len(lines) == 1, tried.stderr
    assert said in lines[0]
    assert store.secret_key not in tried.stdout + tried.stderr


def test_tables_stay_where_they_are(stack: Stack, toured: str) -> None:
    tried = stack.command("-m", "compose.local", "up", timeout=120, STORAGE="folder", TOUR="0")
    assert tried.returncode == 1
    assert "are in s3://lakehouse/warehouse" in tried.stderr
    assert "Keep STORAGE=minio" in tried.stderr
    assert stack.command("-m", "compose.local", "up", timeout=120, STORAGE="", TOUR="0").returncode == 0


def test_figures_are_told_to_prometheus_alone(stack: Stack, store: ObjectStore, toured: str) -> None:
    def ask(**headers: str) -> httpx.Response:
        return httpx.get(f"{store.endpoint}/minio/v2/metrics/cluster", headers=headers, trust_env=False, timeout=10)

    assert ask().status_code == 403
    answer = ask(Authorization=f"Bearer {minio_metrics_token(load_secrets(stack.data))}")
    assert answer.status_code == 200, answer.text
    names = {line.partition("{")[0].partition(" ")[0] for line in answer.text.splitlines()}
    assert {"minio_s3_requests_total", "minio_cluster_capacity_usable_free_bytes"} <= names
