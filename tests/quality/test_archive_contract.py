"""What every archive does, over the null one and a folder."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlplane.quality.adapters.null import NullArchive
from controlplane.quality.adapters.warehouse import WarehouseArchive
from controlplane.quality.ports import ArchiveUnreachableError, DocumentMissingError, ValidationArchive

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
    assert found.read("silver/events.validations/b.json") == b"later"


def test_only_newer_documents_are_listed_when_asked(archive: tuple[ValidationArchive, Put]) -> None:
    found, put = archive
    put("silver/events.validations/old.json", b"old", T0)
    put("silver/quarantine.validations/new.json", b"new", T0 + timedelta(minutes=5))

    assert [one.path for one in found.list(T0)] == ["silver/quarantine.validations/new.json"]
    assert list(found.list(T0 + timedelta(hours=1))) == []


def test_a_missing_document_is_missing(archive: tuple[ValidationArchive, Put]) -> None:
    found, _ = archive
    with pytest.raises(DocumentMissingError):
        found.read("silver/events.validations/none.json")


def test_an_empty_warehouse_has_none(archive: tuple[ValidationArchive, Put]) -> None:
    found, _ = archive
    assert list(found.list()) == []


@pytest.mark.stack
def test_the_stacks_archive_answers_like_the_others(stack: object) -> None:
    found = WarehouseArchive(stack.connections["warehouse"], stack.object_store)  # type: ignore[attr-defined]
    for one in found.list()[:5]:
        assert one.path.endswith(".json")
        assert len(found.read(one.path)) == one.size
    with pytest.raises(DocumentMissingError):
        found.read("silver/events.validations/none.json")


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
        WarehouseArchive(inside.as_uri()).read("../secret.json")


def test_a_warehouse_that_is_a_file_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "warehouse").write_text("")
    with pytest.raises(ArchiveUnreachableError):
        WarehouseArchive((tmp_path / "warehouse").as_uri()).list()
