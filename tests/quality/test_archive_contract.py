"""What every archive does, over the null one and a folder."""

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlplane.quality.adapters.null import NullArchive
from controlplane.quality.adapters.warehouse import WarehouseArchive
from controlplane.quality.ports import (
    ArchiveUnreachableError,
    DocumentMissingError,
    DocumentUnreadableError,
    ValidationArchive,
)
from tests.quality.odd import NAMES

T0 = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
Put = Callable[[str, bytes, datetime], None]


@pytest.fixture(params=["null", "folder"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ValidationArchive, Put]:
    if request.param == "null":
        null = NullArchive()
        return null, null.put

    def put(path: str, content: bytes, at: datetime) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (at.timestamp(), at.timestamp()))
        os.utime(file.parent, (at.timestamp(), at.timestamp()))

    return WarehouseArchive(tmp_path.as_uri()), put


def test_documents_are_listed_oldest_first(archive: tuple[ValidationArchive, Put]) -> None:
    found, put = archive
    put("silver/events.validations/b.json", b"later", T0 + timedelta(minutes=1))
    put("gold/hourly_sales.validations/a.json", b"first", T0)

    assert [(one.path, one.modified_at, one.size) for one in found.list()] == [
        ("gold/hourly_sales.validations/a.json", T0, 5),
        ("silver/events.validations/b.json", T0 + timedelta(minutes=1), 5),
    ]
    assert found.read("silver/events.validations/b.json", most=5) == b"later"


def test_only_newer_documents_are_listed_when_asked(archive: tuple[ValidationArchive, Put]) -> None:
    found, put = archive
    put("silver/events.validations/old.json", b"old", T0)
    put("silver/quarantine.validations/new.json", b"new", T0 + timedelta(minutes=5))

    newest = [one.path for one in found.list(T0)][-1]
    assert newest == "silver/quarantine.validations/new.json"
    assert list(found.list(datetime.now(UTC) + timedelta(hours=1))) == []


def test_no_more_is_read_than_asked_for(archive: tuple[ValidationArchive, Put]) -> None:
    found, put = archive
    put("silver/events.validations/a.json", b"12345", T0)
    assert found.read("silver/events.validations/a.json", most=5) == b"12345"
    with pytest.raises(DocumentUnreadableError, match="larger than 4 bytes"):
        found.read("silver/events.validations/a.json", most=4)


def test_a_missing_document_is_missing(archive: tuple[ValidationArchive, Put]) -> None:
    found, _ = archive
    with pytest.raises(DocumentMissingError):
        found.read("silver/events.validations/none.json", most=9)


def test_an_empty_warehouse_has_none(archive: tuple[ValidationArchive, Put]) -> None:
    found, _ = archive
    assert list(found.list()) == []


@pytest.mark.stack
def test_the_stacks_archive_answers_like_the_others(stack: object) -> None:
    found = WarehouseArchive(stack.connections["warehouse"], stack.object_store)  # type: ignore[attr-defined]
    for one in found.list()[:5]:
        assert one.path.endswith(".json")
        assert len(found.read(one.path, most=one.size)) == one.size
    with pytest.raises(DocumentMissingError):
        found.read("silver/events.validations/none.json", most=9)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for path in ("silver/events/data/x.json", "silver/events.validations/y.json.part", "silver/z.json", "w.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"{}")

    assert list(WarehouseArchive(tmp_path.as_uri()).list()) == []


def test_a_warehouse_that_is_not_there_yet_has_none(tmp_path: Path) -> None:
    assert list(WarehouseArchive((tmp_path / "later").as_uri()).list()) == []


def test_nothing_outside_the_warehouse_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    inside = tmp_path / "warehouse"
    inside.mkdir()
    with pytest.raises(DocumentMissingError):
        WarehouseArchive(inside.as_uri()).read("../secret.json", most=9)


def test_a_warehouse_that_is_a_file_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "warehouse").write_text("")
    with pytest.raises(ArchiveUnreachableError):
        WarehouseArchive((tmp_path / "warehouse").as_uri()).list()


def test_every_name_of_a_file_is_listed_and_read(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/od\xffd/t\xfe.validations"
    os.makedirs(folder)
    for name in NAMES:
        with open(folder + b"/" + name, "wb") as file:
            file.write(name)
    archive = WarehouseArchive(tmp_path.as_uri())

    listed = archive.list()
    assert len({one.path for one in listed}) == len(NAMES)
    assert {archive.read(one.path, most=300) for one in listed} == set(NAMES)
    for one in listed:
        assert not one.problem
        one.path.encode()


def test_names_of_random_bytes_can_be_turned_back(tmp_path: Path) -> None:
    drawn = random.Random("names 14")
    print("seed: names 14")
    folder = tmp_path / "ns" / "t.validations"
    folder.mkdir(parents=True)
    letters = [bytes([code]) for code in range(1, 256) if code != ord("/")]
    made = {b"".join(drawn.choices(letters, k=drawn.randint(1, 40))) + b".json" for _ in range(300)}
    for name in made:
        with open(os.fsencode(folder) + b"/" + name, "wb") as file:
            file.write(name)
    archive = WarehouseArchive(tmp_path.as_uri())
    assert {archive.read(one.path, most=300) for one in archive.list()} == made


def test_what_is_no_plain_file_says_so_and_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("secret")
    folder = tmp_path / "warehouse" / "ns" / "t.validations"
    folder.mkdir(parents=True)
    (folder / "good.json").write_text("good")
    (folder / "folder.json").mkdir()
    (folder / "link.json").symlink_to(tmp_path / "secret.json")
    (folder / "dangling.json").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.json")
    (tmp_path / "warehouse" / "ns" / "linked.validations").symlink_to(tmp_path)
    archive = WarehouseArchive((tmp_path / "warehouse").as_uri())

    assert {one.path.rsplit("/")[-1]: one.problem for one in archive.list()} == {
        "good.json": "",
        "folder.json": "Expected a regular file, got a folder.",
        "link.json": "Expected a regular file, got a symbolic link.",
        "dangling.json": "Expected a regular file, got a symbolic link.",
        "pipe.json": "Expected a regular file, got a special file.",
    }
    for name in ("folder", "link", "dangling", "pipe"):
        with pytest.raises((DocumentUnreadableError, DocumentMissingError, ArchiveUnreachableError)):
            archive.read(f"ns/t.validations/{name}.json", most=100)


def test_a_folder_that_may_not_be_listed_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("open", "shut"):
        (tmp_path / "ns" / f"{table}.validations").mkdir(parents=True)
        (tmp_path / "ns" / f"{table}.validations" / "a.json").write_text("{}")
    scandir = os.scandir

    def denied(path: bytes) -> object:
        if path.endswith(b"shut.validations"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    # Tests may run as root, whom no permission stops.
    monkeypatch.setattr("controlplane.quality.adapters.warehouse.os.scandir", denied)
    assert {one.path: one.problem for one in WarehouseArchive(tmp_path.as_uri()).list()} == {
        "ns/open.validations/a.json": "",
        "ns/shut.validations": "Folder can't be listed: permission denied.",
    }


def test_times_of_files_beyond_the_calendar_are_its_ends(tmp_path: Path) -> None:
    folder = tmp_path / "ns" / "t.validations"
    folder.mkdir(parents=True)
    for name, at in (("before", -(10**10)), ("after", 10**10)):
        (folder / f"{name}.json").write_text("{}")
        os.utime(folder / f"{name}.json", (at, at))
    assert len(WarehouseArchive(tmp_path.as_uri()).list()) == 2


def test_a_copy_with_an_old_time_counts_as_new(tmp_path: Path) -> None:
    """`cp -p` and `rsync -a` keep the times of what they copy."""
    folder = tmp_path / "ns" / "t.validations"
    folder.mkdir(parents=True)
    began = datetime.now(UTC) - timedelta(seconds=1)
    (folder / "restored.json").write_text("{}")
    os.utime(folder / "restored.json", (T0.timestamp(), T0.timestamp()))
    os.utime(folder, (T0.timestamp(), T0.timestamp()))
    assert [(one.path, one.modified_at) for one in WarehouseArchive(tmp_path.as_uri()).list(began)] == [
        ("ns/t.validations/restored.json", T0)
    ]
