"""Completes documents that replay a recording with the figures of the recording."""

import hashlib
from pathlib import Path
from typing import Any

from controlplane.scenarios.generator.document import Scenario, check
from controlplane.scenarios.generator.errors import DocumentError, Problem
from controlplane.scenarios.generator.recording.confined import in_the_background
from controlplane.scenarios.generator.recording.errors import RecordingError
from controlplane.scenarios.generator.recording.store import SHA256, recording_store


def completed(scenario: Scenario, folder: Path | None = None) -> Scenario:
    """The scenario with the figures of its recording; unchanged without a recording.

    Args:
        folder: base folder of recording paths, for the command line. A file there is imported now, if necessary.
            Without it, only stored recordings are accepted.

    Raises:
        DocumentError: the recording is not stored, or the file is invalid.
    """
    source = scenario.source
    if source is None:
        return scenario
    sha256 = source.recording
    try:
        if SHA256.fullmatch(sha256) is None:
            if folder is None:
                raise RecordingError(f"Invalid SHA-256 {sha256[:80]!r}.", "Upload the file and use its SHA-256.")
            sha256 = _from_file(folder / sha256)
            recording_store().prepare(sha256, source.chosen, in_the_background())
        summary = recording_store().summary(sha256, source.chosen)
        if summary is None:
            recording_store().file(sha256)
            raise RecordingError(
                "The recording has not been imported with this mapping.",
                "Import it with the mapping on the recording's page.",
            )
    except RecordingError as error:
        raise DocumentError([Problem("source.recording", error.message, error.remedy)]) from None
    said: dict[str, Any] = scenario.model_dump(mode="json")
    said["source"] |= {"recording": sha256, "figures": summary.figures().model_dump(mode="json")}
    if source.name is None and sha256 != source.recording:
        said["source"]["name"] = Path(source.recording).name[:80]
    return check(said)


def _from_file(path: Path) -> str:
    """Store a local file. Return its SHA-256."""
    if not path.is_file():
        raise RecordingError(
            f"The file {path} does not exist.", "Use a path relative to the scenario's folder, or the SHA-256."
        )
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        try:
            recording_store().file(sha256)
        except RecordingError:
            file.seek(0)
            recording_store().keep(iter(lambda: file.read(1 << 20), b""))
    return sha256
