"""Validation documents in a warehouse that is a folder."""

import os
from pathlib import Path

from spark_jobs import documents


def test_a_document_lies_beside_its_table_and_is_read_back(tmp_path: Path) -> None:
    document = {"validation_id": "a", "table": "lake.gold.hourly_sales", "title": "schön"}
    address = documents.write(tmp_path.as_uri() + "/", document)
    assert address == f"{tmp_path.as_uri()}/gold/hourly_sales.validations/a.json"
    assert documents.read(address) == document
    assert [path.name for path in (tmp_path / "gold" / "hourly_sales.validations").iterdir()] == ["a.json"]


def test_the_newest_document_comes_first(tmp_path: Path) -> None:
    for number, name in enumerate(("b", "c", "a")):
        documents.write(tmp_path.as_uri(), {"validation_id": name, "table": "lake.silver.events"})
        os.utime(tmp_path / "silver" / "events.validations" / f"{name}.json", (number, number))
    (tmp_path / "silver" / "events.validations" / "half.json.part").write_text("{")
    found = documents.addresses(tmp_path.as_uri(), "lake.silver.events")
    assert [address.rsplit("/", 1)[-1] for address in found] == ["a.json", "c.json", "b.json"]


def test_a_table_that_was_never_judged_has_none(tmp_path: Path) -> None:
    assert documents.addresses(tmp_path.as_uri(), "lake.gold.top_products") == []
