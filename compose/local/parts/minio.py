"""MinIO on one folder: the bucket of the warehouse, and a user who may work in it and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from compose.local import health
from compose.local.credentials import MINIO_ROOT_USER, write_private
from compose.local.errors import InstallationError
from compose.local.install import minio
from compose.local.parts import Part
from compose.local.settings import Settings
from spark_jobs.object_store import ObjectStore, object_store
from spark_jobs.object_store_check import StoreError, check, ensure_bucket

POLICY = "lakehouse"


def part(settings: Settings, variables: Mapping[str, str]) -> Part:
    """The server, with its console."""
    port, console = settings.port("MINIO_PORT"), settings.port("MINIO_CONSOLE_PORT")
    return Part(
        name="minio",
        title="MinIO",
        command=(
            # Asked for its state, an installation must not fail because the program has gone meanwhile.
            str(minio.find(settings) or minio.built(settings)),
            "server",
            *("--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}"),
            *("--certs-dir", str(_folder(settings) / "certs"), "--quiet", "--anonymous"),
            str(_folder(settings) / "data"),
        ),
        directory=_folder(settings),
        environment={
            "MINIO_CONFIG_ENV_FILE": str(_configuration(settings)),
            "MINIO_UPDATE": "off",
            # Looking through all objects for what has gone bad: seldom enough that an idle installation is idle.
            "MINIO_SCANNER_SPEED": "slowest",
            # Metrics for the bearer token of credentials.minio_metrics_token only.
            "MINIO_PROMETHEUS_AUTH_TYPE": "jwt",
        },
        healthy=lambda _: health.answers(f"http://127.0.0.1:{port}/minio/health/live"),
        address=variables["MINIO_CONSOLE_URL"],
        ports={"MINIO_PORT": port, "MINIO_CONSOLE_PORT": console},
        reads=(_configuration(settings),),
    )


def prepare(settings: Settings, drawn: Mapping[str, str]) -> None:
    """Write the server's own settings to a file that only its owner can read."""
    for folder in (_folder(settings), _folder(settings) / "data", _folder(settings) / "certs"):
        folder.mkdir(mode=0o700, exist_ok=True)
    write_private(_configuration(settings), server_environment(drawn, _console(settings)))


def server_environment(drawn: Mapping[str, str], console: str) -> str:
    """The text of the server's file: its root user, and how its console is used. `console` is a CSP source."""
    lines = {
        "MINIO_ROOT_USER": MINIO_ROOT_USER,
        "MINIO_ROOT_PASSWORD": drawn["minio_root"],
        "MINIO_BROWSER_CONTENT_SECURITY_POLICY": console_policy(console),
        # The API's port would redirect browsers to the console at 127.0.0.1.
        "MINIO_BROWSER_REDIRECT": "off",
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def below_localhost(port: int | str) -> str:
    """The CSP source of all names below `.localhost`. Strangers can read a policy, so it contains no secret name."""
    return f"http://*.localhost:{port}"


def console_policy(own: str) -> str:
    """The content security policy of the console: its scripts are loaded at the address `own` and nowhere else.

    The console has no setting for its host name, and its cookie ignores the port. With this policy nobody signs in at
    127.0.0.1, because the page there stays empty.
    """
    socket = own.replace("http", "ws", 1)
    return (
        f"default-src {own} data: blob: 'unsafe-inline'; script-src {own}; connect-src {own} {socket}; "
        f"base-uri {own}; form-action {own}; object-src 'none'; frame-ancestors 'none'"
    )


def provide(settings: Settings, variables: Mapping[str, str], drawn: Mapping[str, str]) -> None:
    """Make the bucket, and on a server of our own the policy and the user; what is there stays. Can be run again.

    Raises `InstallationError` when the storage then can't be worked with.
    """
    store = object_store(variables)
    assert store is not None, "asked only where the warehouse is a bucket"
    if settings.runs_minio:
        make_bucket_and_user(store, drawn["minio_root"])
        return
    try:
        ensure_bucket(store)
        check(store)
    except StoreError as problem:
        raise InstallationError(problem.what, problem.remedy) from problem


def make_bucket_and_user(store: ObjectStore, root_password: str) -> None:
    """Make the bucket of `store`, and the user of its keys who may work in that bucket and nowhere else.

    Raises `InstallationError` when the storage then can't be worked with.
    """
    try:
        root = ObjectStore(store.endpoint, MINIO_ROOT_USER, root_password, region=store.region, bucket=store.bucket)
        ensure_bucket(root)
        _make_user(store, root_password)
        check(store)
    except StoreError as problem:
        raise InstallationError(problem.what, problem.remedy) from problem


def _make_user(store: ObjectStore, root_password: str) -> None:
    from minio.credentials.providers import StaticProvider
    from minio.error import MinioAdminException
    from minio.minioadmin import MinioAdmin

    scheme, _, host = store.endpoint.partition("://")
    provider = StaticProvider(MINIO_ROOT_USER, root_password)
    admin = MinioAdmin(endpoint=host, credentials=provider, region=store.region, secure=scheme == "https")
    try:
        admin.policy_add(POLICY, policy=policy(store.bucket))
        admin.user_add(store.access_key, store.secret_key)
        if POLICY not in json.loads(admin.user_info(store.access_key)).get("policyName", ""):
            admin.attach_policy([POLICY], user=store.access_key)
    except MinioAdminException as error:
        raise InstallationError(f"Could not create MinIO's user for the pipeline: {error}.") from error


def policy(bucket: str) -> dict[str, object]:
    """The rights of the pipeline's user: to work with the objects of one bucket, and to list it."""
    objects = ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts")
    whole = ("GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")

    def allow(actions: tuple[str, ...], resource: str) -> dict[str, object]:
        return {"Effect": "Allow", "Action": [f"s3:{action}" for action in actions], "Resource": [resource]}

    statements = [allow(whole, f"arn:aws:s3:::{bucket}"), allow(objects, f"arn:aws:s3:::{bucket}/*")]
    return {"Version": "2012-10-17", "Statement": statements}


def _folder(settings: Settings) -> Path:
    return settings.data / "minio"


def _console(settings: Settings) -> str:
    given = urlsplit(settings.given.get("MINIO_CONSOLE_URL", ""))
    return f"{given.scheme}://{given.netloc}" if given.netloc else below_localhost(settings.port("MINIO_CONSOLE_PORT"))


def _configuration(settings: Settings) -> Path:
    return _folder(settings) / "server.env"
