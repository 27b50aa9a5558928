"""Tables in a bucket: what is set, written, refused, and found or built."""

import json
import re
from pathlib import Path

import pytest

from compose.local.credentials import environment, load_secrets, write_files
from compose.local.errors import InstallationError
from compose.local.install import minio as server
from compose.local.parts import minio, spark
from compose.local.parts.all import parts_of
from compose.local.settings import Settings, load
from compose.local.storage import refuse_a_move

GIVEN = {"S3_ENDPOINT": "https://s3.example", "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "secret of it"}


def installation(folder: Path, **environ: str) -> Settings:
    """One whose last start was with these variables."""
    settings = load({"LAKEHOUSE_DATA": str(folder), **environ}, root=folder)
    refuse_a_move(settings, environment(settings, load_secrets(folder)))
    write_files(settings, load_secrets(folder))
    return settings


def program(folder: Path, name: str = "minio", says: str = "minio version RELEASE") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_a_folder_is_the_default_and_has_no_such_part(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    assert (settings.storage, settings.runs_minio) == ("folder", False)
    drawn = load_secrets(tmp_path)
    assert "minio" not in {part.name for part in parts_of(settings, environment(settings, drawn), drawn)}


def test_its_own_server_is_a_part_on_loopback_without_a_secret_in_its_words(tmp_path: Path) -> None:
    settings = installation(tmp_path, STORAGE="minio", PORT_OFFSET="100", MINIO_BINARY=str(program(tmp_path, "server")))
    drawn = load_secrets(tmp_path)
    part = minio.part(settings, environment(settings, drawn))
    assert part.ports == {"MINIO_PORT": 9100, "MINIO_CONSOLE_PORT": 9101}
    assert {"127.0.0.1:9100", "127.0.0.1:9101"} <= set(part.command)
    assert part.name in {one.name for one in parts_of(settings, environment(settings, drawn), drawn)}
    minio.prepare(settings, drawn)
    shown = f"{part.command} {part.environment}"
    assert [secret for secret in drawn.values() if secret in shown] == []
    assert drawn["minio_root"] in part.reads[0].read_text()
    assert part.reads[0].stat().st_mode & 0o077 == 0


def test_everybody_is_told_of_the_bucket_as_its_own_user(tmp_path: Path) -> None:
    settings = installation(tmp_path, STORAGE="minio")
    drawn = load_secrets(tmp_path)
    variables = environment(settings, drawn)
    assert variables["WAREHOUSE"] == "s3://lakehouse/warehouse"
    assert variables["CHECKPOINTS"] == (tmp_path / "checkpoints").as_uri()
    connections = json.loads((tmp_path / "connections.json").read_text())
    assert connections["catalog"] == {
        "type": "sql",
        "uri": variables["ICEBERG_CATALOG_URI"],
        "warehouse": "s3://lakehouse/warehouse",
        "s3.endpoint": "http://127.0.0.1:9000",
        "s3.access-key-id": "pipeline",
        "s3.secret-access-key": drawn["minio_pipeline"],
        "s3.region": "us-east-1",
    }
    for name in ("environment", "connections.json"):
        assert drawn["minio_root"] not in (tmp_path / name).read_text(), "the pipeline has no business with it"
    spark.prepare(settings, variables, load_secrets(settings.data))
    told = (tmp_path / "spark" / "spark-defaults.conf").read_text()
    assert "spark.sql.catalog.lake.io-impl org.apache.iceberg.aws.s3.S3FileIO\n" in told
    assert f"spark.sql.catalog.lake.s3.secret-access-key {drawn['minio_pipeline']}\n" in told
    assert (tmp_path / "spark" / "spark-defaults.conf").stat().st_mode & 0o077 == 0


def test_an_address_replaces_the_part_and_its_keys_are_used_as_given(tmp_path: Path) -> None:
    settings = installation(tmp_path, **GIVEN, S3_BUCKET="sales", S3_REGION="eu-central-1")
    assert (settings.storage, settings.runs_minio) == ("minio", False)
    variables = environment(settings, load_secrets(tmp_path))
    assert variables["WAREHOUSE"] == "s3://sales/warehouse"
    assert {name: variables[name] for name in GIVEN} == GIVEN
    assert (variables["S3_REGION"], variables["MINIO_CONSOLE_URL"]) == ("eu-central-1", "")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"STORAGE": "tape"}, "STORAGE is 'tape'. Allowed values: folder, minio."),
        ({"S3_ENDPOINT": "http://s3:9000"}, "S3_ENDPOINT is set, but S3_ACCESS_KEY is not. Set S3_ACCESS_KEY too."),
        ({**GIVEN, "S3_ENDPOINT": "s3:9000"}, "S3_ENDPOINT is 's3:9000', which is not a URL."),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    with pytest.raises(InstallationError, match=re.escape(said)):
        load({"LAKEHOUSE_DATA": str(tmp_path), **environ}, root=tmp_path)


def test_the_rights_are_those_on_one_bucket() -> None:
    statements = minio.policy("lakehouse")["Statement"]
    assert isinstance(statements, list)
    assert [one["Resource"] for one in statements] == [["arn:aws:s3:::lakehouse"], ["arn:aws:s3:::lakehouse/*"]]
    assert [action for one in statements for action in one["Action"] if "*" in action or "Bucket" in action] == [
        "s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads",
    ]  # fmt: skip


def test_later_starts_remember_where_the_tables_are(tmp_path: Path) -> None:
    installation(tmp_path, STORAGE="minio")
    said = (tmp_path / "environment").read_text()
    assert installation(tmp_path).storage == "minio"
    assert (tmp_path / "environment").read_text() == said, "every part would be restarted"


def test_a_folder_that_is_said_outright_holds_beside_an_address(tmp_path: Path) -> None:
    for _ in range(2):
        assert installation(tmp_path, **GIVEN, STORAGE="folder").storage == "folder"


def table_in(folder: Path) -> None:
    (folder / "bronze").mkdir(parents=True)


def test_tables_in_a_folder_are_not_left_behind(tmp_path: Path) -> None:
    installation(tmp_path)
    table_in(tmp_path / "warehouse")
    with pytest.raises(InstallationError, match=r"are in file:///.* Keep STORAGE=folder, or use another"):
        installation(tmp_path, STORAGE="minio")
    with pytest.raises(InstallationError, match="Keep STORAGE=folder"):
        installation(tmp_path, **GIVEN)
    assert installation(tmp_path).storage == "folder"


def test_tables_in_a_bucket_are_not_left_behind(tmp_path: Path) -> None:
    installation(tmp_path, STORAGE="minio")
    table_in(tmp_path / "minio" / "data" / "lakehouse" / "warehouse")
    with pytest.raises(InstallationError, match=r"are in s3://lakehouse/warehouse\. .* Keep STORAGE=minio"):
        installation(tmp_path, STORAGE="folder")
    with pytest.raises(InstallationError, match=r"are in its own MinIO. Remove S3_ENDPOINT"):
        installation(tmp_path, **GIVEN)
    with pytest.raises(InstallationError, match="Keep WAREHOUSE, S3_BUCKET and LAKEHOUSE_DATA unchanged"):
        installation(tmp_path, S3_BUCKET="another")
    assert installation(tmp_path).runs_minio


def test_tables_in_a_given_s3_need_its_address_again(tmp_path: Path) -> None:
    installation(tmp_path, **GIVEN)
    with pytest.raises(
        InstallationError, match=r"are in the S3 of S3_ENDPOINT \(https://s3.example\). Set S3_ENDPOINT"
    ):
        installation(tmp_path)
    assert installation(tmp_path, **{**GIVEN, "S3_ENDPOINT": "https://new.example"}).storage == "minio"


def test_without_any_table_the_choice_is_still_open(tmp_path: Path) -> None:
    installation(tmp_path)
    installation(tmp_path, STORAGE="minio")
    assert installation(tmp_path, STORAGE="folder").storage == "folder"


def test_a_named_server_that_is_none_is_refused(tmp_path: Path) -> None:
    other = program(tmp_path, "commander", says="a file manager 1.0")
    for named in (other, tmp_path / "absent"):
        settings = load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": "minio", "MINIO_BINARY": str(named)}, tmp_path)
        with pytest.raises(InstallationError, match="which is not a MinIO server"):
            server.find(settings)


def test_the_one_on_the_path_comes_before_one_that_was_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": "minio"}, tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert server.find(settings) is None
    server.built(settings).parent.mkdir(parents=True)
    own = program(server.built(settings).parent)
    assert server.find(settings) == own
    (tmp_path / "bin").mkdir()
    on_path = program(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert server.find(settings) == on_path


def test_without_go_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": "minio"}, tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(server, "GO_FOLDERS", ())
    with pytest.raises(
        InstallationError, match=r"nor Go to build one is installed\. Install Go .* MINIO_BINARY, .* S3_ENDPOINT"
    ):
        server.build(settings)


def test_a_build_that_fails_says_its_last_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load({"LAKEHOUSE_DATA": str(tmp_path), "STORAGE": "minio"}, tmp_path)
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho 'proxy: no route to host' >&2\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(InstallationError, match=r"Could not build MinIO: proxy: no route to host."):
        server.build(settings)
    assert list(server.built(settings).parent.iterdir()) == []
