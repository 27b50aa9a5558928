"""The archive of a backup: one uncompressed tar file, with a manifest as its first member.

The manifest lists every other member with its size and SHA-256. The archive is read as untrusted input: members are
plain files with the names of `MEMBER`, each is listed once, and none is larger than the manifest says. The digests
detect damage. They don't prove who made the archive.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compose.local.errors import InstallationError

FORMAT = 1
MANIFEST = "manifest.json"
SECRETS, ENVIRONMENT = "files/secrets.json", "files/environment"
# Folders of a member's name, each beginning with a letter or digit: no absolute path, no `..`, no hidden file.
MEMBER = re.compile(r"(databases|files|recordings)(/[A-Za-z0-9][A-Za-z0-9._-]{0,120}){1,4}")
MOST_MEMBERS = 200_000
MOST_MANIFEST_BYTES = 64 * 1024**2
CHUNK_BYTES = 1024**2
ANOTHER = "Use another backup."


class Member(BaseModel):
    """One file of the archive."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class LakeTable(BaseModel):
    """A table in the catalog of the backup; `rows` is None if the table could not be read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metadata: str
    rows: int | None


class Manifest(BaseModel):
    """The content of a backup, and its creator. `migrations`: the newest of each app of the control plane."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int
    version: str = Field(pattern=r"^\d+(\.\d+){1,3}$")
    made_at: str
    postgres: int
    airflow: str
    migrations: dict[str, str]
    storage: str
    warehouse: str
    given: list[str]
    tables: dict[str, LakeTable]
    runs_in_progress: int
    members: dict[str, Member] = Field(max_length=MOST_MEMBERS)

    @property
    def bytes(self) -> int:
        """The size of all members together."""
        return sum(member.size for member in self.members.values())


def describe(files: Mapping[str, Path]) -> dict[str, Member]:
    """Size and digest of each file, by the name of its member."""
    described = {}
    for name, path in sorted(files.items()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        described[name] = Member(size=path.stat().st_size, sha256=digest)
    return described


def write(path: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write the archive to `path`, a new file that only its owner can read."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True).encode() + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
            archive.addfile(_header(MANIFEST, len(text)), io.BytesIO(text))
            for name, member in sorted(manifest.members.items()):
                with files[name].open("rb") as file:
                    archive.addfile(_header(name, member.size), file)
        output.flush()
        os.fsync(output.fileno())


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header


def read_manifest(path: Path) -> Manifest:
    """The manifest of the archive. Raises `InstallationError` where `path` is not a backup that this release reads."""
    with _opened(path) as archive:
        return _manifest(archive, path)


def verify(path: Path) -> Manifest:
    """Read the whole archive, compare every member with the manifest, and return that.

    Raises `InstallationError` naming the first member that differs.
    """
    for _ in _members(path, into=None):
        pass
    return read_manifest(path)


def extract(path: Path, folder: Path) -> None:
    """Write every member below `folder`, which only its owner can read, comparing each with the manifest.

    Raises `InstallationError` naming the first member that differs.
    """
    folder.mkdir(mode=0o700)
    for _ in _members(path, into=folder):
        pass


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, mode="r:") as archive:
            yield archive
    except FileNotFoundError:
        raise InstallationError(f"{path} does not exist.", "Set FILE to the path of a backup.") from None
    except IsADirectoryError:
        raise InstallationError(f"{path} is a folder.", "Set FILE to the path of a backup.") from None
    except (tarfile.TarError, EOFError) as error:
        raise InstallationError(f"{path} cannot be read as a backup: {error}.", ANOTHER) from error


def _manifest(archive: tarfile.TarFile, path: Path) -> Manifest:
    first = archive.next()
    if first is None or first.name != MANIFEST or not _is_plain(first) or first.size > MOST_MANIFEST_BYTES:
        raise InstallationError(f"{path} is not a backup of an installation: the manifest is missing.", ANOTHER)
    content = archive.extractfile(first)
    assert content is not None, "a plain file has content"
    try:
        said: Any = json.loads(content.read())
        if isinstance(said, dict) and isinstance(said.get("format"), int) and said["format"] > FORMAT:
            raise InstallationError(
                f"{path} has format {said['format']}; this release reads format {FORMAT}.",
                "Use the release that created it, or a newer one.",
            )
        manifest = Manifest.model_validate(said)
    except ValidationError as error:
        first_error = error.errors()[0]
        field = ".".join(str(step) for step in first_error["loc"])
        raise InstallationError(f"The manifest of {path} is invalid: {field}: {first_error['msg']}.", ANOTHER) from None
    except ValueError as error:
        raise InstallationError(f"The manifest of {path} is not JSON: {error}.", ANOTHER) from None
    for name in manifest.members:
        if not MEMBER.fullmatch(name):
            raise InstallationError(f"The manifest of {path} contains an unknown member: {name!r}.", ANOTHER)
    return manifest


def _members(path: Path, into: Path | None) -> Iterator[str]:
    """Each member's name once it has been compared and, with `into`, written."""
    with _opened(path) as archive:
        manifest = _manifest(archive, path)
        missing = set(manifest.members)
        while (header := archive.next()) is not None:
            if header.name not in missing:
                raise InstallationError(f"{path}: {header.name!r} is not in the manifest, or is listed twice.", ANOTHER)
            if not _is_plain(header):
                raise InstallationError(f"{path}: {header.name} is a link or a special file.", ANOTHER)
            missing.remove(header.name)
            member = manifest.members[header.name]
            if header.size != member.size:
                raise InstallationError(
                    f"{path}: {header.name} has {header.size:,} bytes; the manifest says {member.size:,}.", ANOTHER
                )
            content = archive.extractfile(header)
            assert content is not None, "a plain file has content"
            if _copied(content, into / header.name if into else None) != member.sha256:
                raise InstallationError(f"{path}: {header.name} does not match its digest in the manifest.", ANOTHER)
            yield header.name
        if missing:
            raise InstallationError(f"{path} is incomplete: {min(missing)} is missing.", ANOTHER)


def private_folder(folder: Path) -> None:
    """Make the folder and those above it that are missing, each for its owner only."""
    for one in (*reversed(folder.parents), folder):
        if not one.exists():
            one.mkdir(mode=0o700)


def _is_plain(header: tarfile.TarInfo) -> bool:
    # Sparse files too are "regular" to tarfile, and grow while they are read.
    return header.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not header.issparse()


def _copied(content: IO[bytes], target: Path | None) -> str:
    """The SHA-256 of `content`, which is written to the new file `target`, if there is one."""
    digest = hashlib.sha256()
    if target is None:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()
    private_folder(target.parent)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
