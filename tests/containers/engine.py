"""podman in a corner of its own: storage, networks and limits apart from the machine's, and gone after the tests.

Without a registry of images, our images are built on a base that debootstrap makes, and each official image has a
stand-in of the same name: compose.yaml is used as it is.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compose.local.install import minio
from compose.local.settings import ROOT, load

HERE = Path(__file__).resolve().parent
NEEDED = ("podman", "buildah", "runc", "debootstrap", "iptables")
BASE = "localhost/test-base:bookworm"
# Stand-in -> the official image whose place it takes; compose.yaml's own tag is put behind.
STANDINS = ("postgres", "redis", "kafka", "minio", "prometheus", "postgres-exporter", "redis-exporter")
OWN_CERTIFICATES = Path("/usr/local/share/ca-certificates")


@dataclass(frozen=True)
class Engine:
    """`podman`, `buildah` and `podman-compose` on storage below `folder`, for the compose file's project."""

    folder: Path
    given: Mapping[str, str]

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/root"\nrunroot = "{self.folder}/run"\n'
        (self.folder / "storage.conf").write_text(storage)
        # runc, and limits that no machine forbids: the engine's own are higher than some allow.
        (self.folder / "containers.conf").write_text(
            '[containers]\ndefault_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]\n'
            '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
            f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{self.folder}/networks"\n'
        )

    @property
    def environ(self) -> dict[str, str]:
        """What every call gets: the corner, and the ports of the tests."""
        corner = {
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
        }
        return {**os.environ, **corner, **self.given}

    def run(self, *command: str, timeout: float = 600, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program of the engine; its failure is the test's, with what it said."""
        done = subprocess.run(
            command,
            cwd=ROOT / "compose",
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        said = f"{' '.join(command[:6])}: {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
        assert not check or done.returncode == 0, said
        return done

    def compose(self, *words: str, timeout: float = 900, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`docker compose WORDS`, as podman-compose understands it."""
        program = str(Path(sys.executable).with_name("podman-compose"))
        return self.run(program, "--in-pod", "false", "-f", "compose.yaml", *words, timeout=timeout, check=check)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each service's container."""
        names = self.run("podman", "ps", "-aq").stdout.split()
        told = json.loads(self.run("podman", "inspect", *names).stdout) if names else []
        label = "com.docker.compose.service"
        return {one["Config"]["Labels"][label]: one for one in told if label in (one["Config"]["Labels"] or {})}

    def build(self, services: Mapping[str, Mapping[str, Any]]) -> None:
        """Make the base, our images and the stand-ins, under the names that compose.yaml gives them."""
        self._make_base()
        ours = {one["image"]: one["build"]["target"] for one in services.values() if "build" in one}
        for image, target in ours.items():
            self._build(image, ROOT / "compose" / "images" / "Dockerfile", target, ROOT)
        context = self.folder / "standins"
        shutil.copytree(HERE / "standins", context, dirs_exist_ok=True)
        shutil.copytree(ROOT / ".jars" / "kafka", context / "jars" / "kafka", dirs_exist_ok=True)
        settings = load()
        if (server := minio.find(settings)) is None:
            minio.build(settings)
            server = minio.built(settings)
        shutil.copy(server, context / "minio")
        for image in {one["image"] for one in services.values() if "build" not in one}:
            name = image.rpartition("/")[2].partition(":")[0].replace("_", "-")
            if name in STANDINS:
                self._build(image, context / "Dockerfile", name, context)

    def _build(self, image: str, recipe: Path, target: str, context: Path) -> None:
        self.run(
            *("buildah", "bud", "--isolation", "chroot", "--network", "host", "--layers", "--quiet"),
            *("--build-arg", f"BASE={BASE}", "--target", target, "-t", image, "-f", str(recipe), str(context)),
            timeout=1800,
        )

    def _make_base(self) -> None:
        """Debian from the mirror that this machine's apt has, trusting the certificates that this machine trusts."""
        if self.run("podman", "image", "exists", BASE, check=False).returncode == 0:
            return
        sites = self.run("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages").stdout.split()
        folder = self.folder / "base"
        shutil.rmtree(folder, ignore_errors=True)
        self.run("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", str(folder), sites[0])
        for certificate in OWN_CERTIFICATES.glob("*.crt"):
            shutil.copy(certificate, folder / "usr/local/share/ca-certificates")
        self.run("chroot", str(folder), "update-ca-certificates")
        archive = self.folder / "base.tar"
        self.run("tar", "-C", str(folder), "-cf", str(archive), ".")
        self.run("podman", "import", "--quiet", str(archive), BASE)
        archive.unlink()
        shutil.rmtree(folder)

    def remove(self) -> None:
        """End every container and leave nothing of the corner, unless KEEP_IMAGES says that the images stay."""
        self.compose("--profile", "tour", "down", "-v", "-t", "10", timeout=300, check=False)
        self.run("podman", "rm", "-f", "-a", "-t", "5", check=False)
        self.run("podman", "volume", "prune", "-f", check=False)
        self.run("podman", "network", "prune", "-f", check=False)
        if os.environ.get("KEEP_IMAGES") != "1":
            self.run("podman", "system", "reset", "-f", timeout=300, check=False)
            shutil.rmtree(self.folder, ignore_errors=True)
