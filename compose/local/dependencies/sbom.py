"""`make sbom`: what the product is built from, as CycloneDX documents in `sbom/`.

The same locks give the same bytes: the documents have neither a serial number nor a time.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from compose.local.backup import release
from compose.local.dependencies import inventory
from compose.local.dependencies.inventory import Package
from compose.local.errors import InstallationError
from compose.local.progress import Progress
from compose.local.settings import Settings

SCHEMA = SchemaVersion.V1_6
PRODUCT = "ecommerce-lakehouse-controlplane"


def write(settings: Settings, folder: Path, progress: Progress) -> list[Path]:
    """Write one document for each kind of package; gives their paths. Raises `InstallationError`."""
    folder.mkdir(exist_ok=True)
    packages: Mapping[str, Callable[[], list[Package]]] = {
        "browser": lambda: inventory.npm(settings.root, "controlplane/web"),
        "linters": lambda: inventory.npm(settings.root, "linters"),
        "java": lambda: inventory.java(settings.root),
        "servers": inventory.servers,
    }
    written = []
    for lock in inventory.PYTHON_LOCKS:
        with progress.step(f"Python packages of locks/{lock}.txt"):
            written.append(_python(settings, lock, folder / f"{lock}.cdx.json"))
    for name, collect in packages.items():
        with progress.step(f"Packages: {name}"):
            path = folder / f"{name}.cdx.json"
            path.write_text(document(name, release.version(settings.root), collect()))
            written.append(path)
    for path in written:
        if problem := JsonStrictValidator(SCHEMA).validate_str(path.read_text()):
            raise InstallationError(f"{path} is not valid CycloneDX {SCHEMA.to_version()}: {problem}.")
    return written


def _python(settings: Settings, lock: str, path: Path) -> Path:
    command = [
        *(str(settings.python), "-m", "cyclonedx_py", "requirements", f"locks/{lock}.txt"),
        *("--pyproject", "pyproject.toml", "--spec-version", SCHEMA.to_version(), "--output-format", "JSON"),
        *("--output-reproducible", "--no-validate", "--output-file", str(path)),
    ]
    done = subprocess.run(command, cwd=settings.root, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:] or ["no output"]
        raise InstallationError(f"Could not create the document of locks/{lock}.txt: {last[0]}.")
    return path


def document(name: str, version: str, packages: list[Package]) -> str:
    """The CycloneDX document of these packages, in JSON."""
    product = Component(name=f"{PRODUCT}-{name}", version=version, type=ComponentType.APPLICATION, bom_ref="product")
    components = [_component(package) for package in packages]
    bom = Bom(components=components)
    bom.metadata.component = product
    # What is drawn or taken from the clock otherwise.
    bom.serial_number = None  # type: ignore[assignment]
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.register_dependency(product, components)
    return make_outputter(bom, OutputFormat.JSON, SCHEMA).output_as_string(indent=2) + "\n"


def _component(package: Package) -> Component:
    hashes = [HashType(alg=HashAlgorithm(package.digest[0]), content=package.digest[1])] if package.digest else []
    return Component(
        name=package.name,
        group=package.group or None,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=package.purl,
        purl=PackageURL.from_string(package.purl),
        hashes=hashes,
    )
