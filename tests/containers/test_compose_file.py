"""compose.yaml is valid and says what the code says: services, programs, variables, addresses, ports, volumes."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from compose_spec import PyCompose

from compose.containers import cluster, first_start, programs
from compose.containers.__main__ import CLUSTER, ONE_SHOTS
from compose.local.parts import kafka, monitoring
from compose.local.parts.all import NAMES
from compose.local.settings import CONTAINER_VARIABLES, DEFAULT_PORTS, PASSED_ON, ROOT, load
from compose.monitoring import scrape
from controlplane.monitoring import runbooks
from tests.containers.composition import services, text, variables

SERVICES = services()
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
ONCE = {"first-start", "setup", "airflow-setup", "tour"}
# Name of the design -> ports that it names for it, inside or outside.
DESIGN = {
    "ecommerce-kafka": {29092},
    "ecommerce-minio": {9000, 9001},
    "ecommerce-spark-master": {8080},
    "ecommerce-spark-worker": {8081},
    "ecommerce-airflow": {8082},
}
# What each service listens on inside the network.
LISTENS = {
    "postgres": {5432},
    "redis": {6379},
    "ecommerce-kafka": {9092, 29092, 9093, DEFAULT_PORTS["KAFKA_METRICS_PORT"]},
    "ecommerce-minio": {9000, 9001},
    "ecommerce-spark-master": {cluster.MASTER_PORT, cluster.UI_PORTS["spark-master"]},
    "ecommerce-spark-worker": {cluster.UI_PORTS["spark-worker"]},
    "spark-connect": {DEFAULT_PORTS["SPARK_CONNECT_PORT"], DEFAULT_PORTS["SPARK_UI_PORT"]},
    "ecommerce-airflow": {DEFAULT_PORTS["AIRFLOW_PORT"]},
    "web": {DEFAULT_PORTS["WEB_PORT"]},
    "bi": set(),
    "postgres-exporter": {DEFAULT_PORTS["POSTGRES_METRICS_PORT"]},
    "redis-exporter": {DEFAULT_PORTS["REDIS_METRICS_PORT"]},
    "prometheus": {DEFAULT_PORTS["PROMETHEUS_PORT"]},
    "grafana": {3000},
}
SECOND_WORKER = "ecommerce-spark-worker-2"
# Three numbers, a date, or PostgreSQL's two, which are all that it has.
FULL_VERSION = re.compile(r"/postgres:\d+\.\d+-|:v?\d+\.\d+\.\d+(-|$)|:RELEASE\.\d{4}-\d\d-\d\dT|:\w+-\d{8}-slim$")
# Who reads a file of the first start and would start without it, by what everybody knows or with half of its work.
WAITS = ("ecommerce-minio", "grafana", "prometheus")
# Who ends without its file and is started again, and how it is told where the file is.
ENDS = {
    "postgres": r"(/.*/password)",
    "redis": r"(/.*/redis\.conf)",
    "ecommerce-kafka": r"-javaagent:([^=]+)=.*",
    "postgres-exporter": r"(/.*/password)",
    "redis-exporter": r"-redis\.password-file=(.+)",
}
PROGRAMS = {
    service["command"][1]: name
    for name, service in OURS.items()
    if service["command"][0] == "run" and name != SECOND_WORKER
}


def _environment(name: str) -> dict[str, str]:
    return {key: str(value) for key, value in (SERVICES[name].get("environment") or {}).items()}


def _published(service: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [
        (address, int(outside), int(inside))
        for address, outside, inside in (port.rsplit(":", 2) for port in service.get("ports", ()))
    ]


def test_it_holds_against_the_compose_specification() -> None:
    # Merge keys are YAML's, not the specification's: they are resolved first.
    assert PyCompose.from_yaml(yaml.safe_dump(yaml.safe_load(text()))).service_names()


def test_a_misspelt_key_would_be_found() -> None:
    wrong = yaml.safe_load(text())
    wrong["services"]["web"]["prots"] = wrong["services"]["web"].pop("ports")
    with pytest.raises(ValueError, match="prots"):
        PyCompose.from_yaml(yaml.safe_dump(wrong))


@pytest.mark.parametrize("name", DESIGN)
def test_names_and_ports_are_those_of_the_design(name: str) -> None:
    assert SERVICES[name]["container_name"] == name
    assert DESIGN[name] <= {inside for _, _, inside in _published(SERVICES[name])}


def test_every_part_of_make_up_has_its_service() -> None:
    third_party = {"postgres": "postgres", "redis": "redis", "kafka": "ecommerce-kafka", "minio": "ecommerce-minio"}
    missing = {part for part in NAMES if part not in PROGRAMS and third_party.get(part) not in SERVICES}
    assert not missing


def test_every_command_is_there() -> None:
    assert tuple(CLUSTER) == cluster.NAMES
    assert set(PROGRAMS) == {*programs.NAMES, *cluster.NAMES}
    assert {service["command"][0] for service in OURS.values()} == {"run", *ONE_SHOTS}


def test_only_loopback_is_published_and_only_what_is_listened_on() -> None:
    for name, service in SERVICES.items():
        for address, outside, inside in _published(service):
            assert address == "127.0.0.1", f"{name} publishes on {address}"
            assert inside in LISTENS[name], f"{name} does not listen on {inside}"
            assert outside == inside, f"{name}: the default outside is not the port inside"
        assert "network_mode" not in service or service["network_mode"] == "none"


def test_every_address_leads_to_a_service_that_listens_there() -> None:
    addresses = [
        (name, variable, value)
        for name in OURS
        for variable, value in _environment(name).items()
        if "://" in value and not value.startswith(("file:", "s3:", "unix:"))
    ]
    addresses.append(("all", "KAFKA_BOOTSTRAP_SERVERS", f"kafka://{_environment('web')['KAFKA_BOOTSTRAP_SERVERS']}"))
    published = {outside for service in SERVICES.values() for _, outside, _ in _published(service)}
    assert addresses
    for name, variable, value in addresses:
        where = urlsplit(value)
        if where.hostname == "127.0.0.1":
            assert where.port in published, f"{name}: {variable} is for browsers, and {where.port} is not published"
        else:
            assert where.port in LISTENS[str(where.hostname)], f"{name}: {variable}={value}"


def test_our_services_set_no_variable_that_nobody_reads() -> None:
    sparks_own = {"SPARK_PUBLIC_DNS", "SPARK_WORKER_CORES", "SPARK_WORKER_MEMORY", "SPARK_MASTER_HOST"}
    for_browsers = {"WEB_PORT", "AIRFLOW_PORT", "MINIO_CONSOLE_PORT", "GRAFANA_PORT"}
    for name in OURS:
        known = {*PASSED_ON, *sparks_own, *(for_browsers if name == "first-start" else ())}
        assert set(_environment(name)) <= known, name


def test_all_programs_get_the_same_addresses() -> None:
    shared = _environment("web")
    for name in OURS.keys() - {"ecommerce-spark-master", "ecommerce-spark-worker", SECOND_WORKER}:
        assert shared.items() <= _environment(name).items(), name


def test_kafka_is_told_what_make_up_tells_it() -> None:
    own = kafka.properties(load({}), defaultdict(str))
    here = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in _environment("ecommerce-kafka").items()
        if name not in ("KAFKA_HEAP_OPTS", "KAFKA_OPTS")
    }
    elsewhere = {name for name in own if "listener" in name or "quorum" in name or name == "log.dirs"}
    # Who gets in is in the file of the first start, because the broker's own password is.
    elsewhere |= set(kafka.access_properties(defaultdict(str), ()))
    assert {name: here.get(name) for name in own if name not in elsewhere} == {
        name: value for name, value in own.items() if name not in elsewhere
    }
    assert set(here) - set(own) == {"controller.quorum.voters"}


def test_every_variable_of_the_file_is_documented_with_its_default() -> None:
    documented = dict(re.findall(r"^#([A-Z_0-9]+)=(.*)$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    read = variables()
    assert set(read) <= {*CONTAINER_VARIABLES, *DEFAULT_PORTS, *PASSED_ON}
    assert set(CONTAINER_VARIABLES) <= set(read)
    drawn = {"PUBLIC_URL"}
    # Some of them without the issuer would be half a single sign-on: the settings have their defaults.
    together = {"OIDC_NAME", "OIDC_SCOPES", "OIDC_ROLES_CLAIM"}
    for name, defaults in read.items():
        assert defaults == ({""} if name in drawn | together else {documented[name]}), name


def test_nothing_secret_is_in_the_file() -> None:
    # What a person chose: handed on as a file by the first start, which has no network and ends.
    chosen = {("first-start", "OIDC_CLIENT_SECRET")}
    for name in SERVICES:
        for variable, value in _environment(name).items():
            if re.search(r"PASSWORD(?!_SIGN_IN)|SECRET|TOKEN|_KEY", variable):
                assert variable.endswith("_FILE") or (name, variable) in chosen, f"{name} is given {variable}"
            assert not re.search(r"://[^/@]*:[^/@]+@", value), f"{name}: a password in {variable}"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_and_without_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert FULL_VERSION.search(service["image"]), f"{service['image']} may be another one tomorrow"
    assert (service["user"] == "0:0") == (name == "first-start")
    if name == "first-start":
        assert service["network_mode"] == "none"
    if name in ONCE:
        assert service["restart"] in ("on-failure", "no")
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"]
    # Any order will do; only the tour brings up what it needs.
    assert ("depends_on" in service) == (name == "tour")


def test_the_second_worker_is_the_first_one_again() -> None:
    first, second = SERVICES["ecommerce-spark-worker"], dict(SERVICES[SECOND_WORKER])
    assert second.pop("profiles") == ["two-workers"]
    assert second.pop("ports") == []
    assert second["container_name"] == second["hostname"] == SECOND_WORKER
    same = set(first) - {"ports", "container_name", "hostname"}
    assert {key: second[key] for key in same} == {key: first[key] for key in same}


def test_a_health_check_asks_for_the_program_that_runs() -> None:
    for program, name in PROGRAMS.items():
        assert OURS[name]["healthcheck"]["test"] == [*("CMD", "python", "-m", "compose.containers", "healthy", program)]


def test_each_volume_belongs_to_the_user_of_its_container() -> None:
    handed_out = dict(reversed(mount.split(":")) for mount in SERVICES["first-start"]["volumes"])
    assert set(handed_out) == {f"/volumes/{name}" for name in first_start.OWNERS}
    assert all(path == f"/volumes/{volume}" for path, volume in handed_out.items())
    assert set(yaml.safe_load(text())["volumes"]) == set(first_start.OWNERS)
    for name, service in SERVICES.items():
        if name == "first-start":
            continue
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if not source.startswith("."):
                owner = first_start.OWNERS[source]
                assert service["user"].split(":")[0] == str(owner), f"{name} can't work in the volume {source}"


@pytest.mark.parametrize("name", WAITS)
def test_who_would_start_without_its_file_waits_until_it_can_read_it(name: str) -> None:
    (command,) = SERVICES[name]["command"]
    wait = r"until \[ -r (\S+) \] && \[ -s (\S+) \]; do sleep 1; done;\s+"
    assert re.match(rf"({wait})+exec ", command)
    waits = re.findall(wait, command)
    files = {value for variable, value in _environment(name).items() if variable.endswith("__FILE")}
    assert files <= {path for path, _ in waits}
    mounts = {mount.split(":")[1]: mount.split(":") for mount in SERVICES[name]["volumes"]}
    for readable, filled in waits:
        assert readable == filled
        volume, _, right = mounts[readable.rpartition("/")[0]]
        assert volume in first_start.OWNERS
        assert right == "ro"


def test_every_other_that_is_given_a_file_ends_without_it() -> None:
    """The official images read theirs by a variable or an argument, and ours by `installation.settings`."""
    given = {name for name in SERVICES if any(one.endswith(("-secrets", "-agent", "-rules")) for one in _sources(name))}
    assert given - {"first-start"} == {*WAITS, *ENDS}
    for name, said in ENDS.items():
        told = {*_environment(name).values(), *SERVICES[name].get("command", ())}
        (path,) = {found[1] for one in told if (found := re.fullmatch(said, one))}
        mounts = [mount.split(":") for mount in SERVICES[name]["volumes"]]
        assert [mount[2:] for mount in mounts if path.startswith(f"{mount[1]}/")] == [["ro"]], f"{name}: {path}"


def _sources(name: str) -> list[str]:
    return [mount.split(":")[0] for mount in SERVICES[name].get("volumes", ())]


def test_what_the_pages_read_is_in_the_images() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    read = str(runbooks.FOLDER.relative_to(ROOT))
    assert any(read == name or read.startswith(f"{name}/") for name in let_through)


def test_what_is_kept_lies_on_a_volume_that_can_be_written_to() -> None:
    recipe = (ROOT / "compose" / "images" / "Dockerfile").read_text()
    data = re.search(r"LAKEHOUSE_DATA=(\S+)", recipe)
    assert data is not None
    uploads = re.search(r"TMPDIR=(\S+)", recipe)
    assert uploads is not None
    for name in OURS.keys() - {"first-start"}:
        assert data[1] in _writable(name), name
    places = [
        *[(name, urlsplit(_environment(name)["CHECKPOINTS"]).path) for name in ("spark-connect", "web")],
        ("web", uploads[1]),
        ("postgres", _environment("postgres")["PGDATA"]),
        ("ecommerce-kafka", _environment("ecommerce-kafka")["KAFKA_LOG_DIRS"]),
        ("prometheus", re.findall(r"--storage.tsdb.path=(\S+)", SERVICES["prometheus"]["command"][0])[0]),
        ("ecommerce-minio", re.findall(r"minio server (\S+)", SERVICES["ecommerce-minio"]["command"][0])[0]),
    ]
    for name, path in places:
        assert any(f"{path}/".startswith(f"{place}/") for place in _writable(name)), f"{name}: {path}"


def _writable(name: str) -> set[str]:
    mounts = [mount.split(":") for mount in SERVICES[name].get("volumes", ())]
    return {mount[1] for mount in mounts if mount[2:] != ["ro"]}


@pytest.mark.parametrize("name", [name for name in OURS if "OIDC_ISSUER" in OURS[name].get("environment", {})])
def test_the_settings_accept_every_default(name: str) -> None:
    """A default that says nothing by itself may say half of something to the settings."""
    given = {"DJANGO_WITHOUT_SECRETS": "1", "DJANGO_SETTINGS_MODULE": "controlplane.settings", **_environment(name)}
    load_settings = [sys.executable, "-c", "from django.conf import settings; settings.DEBUG"]
    subprocess.run(load_settings, cwd=ROOT, env=given, check=True, timeout=60)


def test_what_is_drawn_stays_with_the_first_start() -> None:
    assert [name for name, service in SERVICES.items() if "drawn:" in str(service.get("volumes"))] == ["first-start"]


def test_the_images_are_built_from_what_there_is() -> None:
    recipe = (ROOT / "compose" / "images" / "Dockerfile").read_text()
    targets = set(re.findall(r"^FROM \S+ AS (\S+)$", recipe, flags=re.MULTILINE))
    built = {service["build"]["target"]: service["image"] for service in OURS.values()}
    assert set(built) <= targets
    assert len(built) == 3
    own = ROOT.joinpath("pyproject.toml").read_text()
    version = re.search(r'^version = "(.+)"$', own, flags=re.MULTILINE)
    assert version is not None
    assert set(built.values()) == {f"ecommerce-lakehouse/{target}:{version[1]}" for target in built}
    for line in re.findall(r"^COPY ((?!--from).+)$", recipe, flags=re.MULTILINE):
        *sources, _ = line.split()
        assert all((ROOT / source).exists() for source in sources), line
    assert {"locks/controlplane.txt", "locks/airflow.txt", "locks/jars.json"} <= set(re.findall(r"locks/\S+", recipe))


def _stages(recipe: str) -> dict[str, list[str]]:
    """Stage -> its instructions, those of the stages that it begins from first."""
    stages: dict[str, list[str]] = {}
    for text_of_stage in re.split(r"^FROM ", recipe.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        first, *lines = text_of_stage.splitlines()
        parent, _, name = first.split()
        stages[name] = [*stages.get(parent, []), *lines]
    return stages


@pytest.mark.parametrize("stage", ["packages", "airflow-packages", "jars", "browser"])
def test_a_stage_has_every_module_that_its_installer_imports(stage: str, tmp_path: Path) -> None:
    lines = _stages((ROOT / "compose" / "images" / "Dockerfile").read_text())[stage]
    *_, at = (number for number, line in enumerate(lines) if re.match(r"RUN \S*python3? -c", line))
    installs = lines[at]
    for line in lines[:at]:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            for source in map(ROOT.joinpath, sources):
                if source.is_dir():
                    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
                    shutil.copytree(source, tmp_path / target, ignore=ignored, dirs_exist_ok=True)
                else:
                    (tmp_path / target).mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, tmp_path / target)
    imports = "; ".join(re.findall(r"from \S+ import \w+", installs))
    assert "compose.local" in imports
    # The system's Python has no package of ours.
    packages = [] if ".venv/bin/python" in installs else ["-S"]
    subprocess.run([sys.executable, "-B", *packages, "-c", imports], cwd=tmp_path, env={}, check=True, timeout=60)


def test_the_base_is_of_a_day() -> None:
    recipe = (ROOT / "compose" / "images" / "Dockerfile").read_text()
    (default,) = variables()["BASE_IMAGE"]
    assert FULL_VERSION.search(default)
    assert re.findall(r"^ARG BASE=(\S+)$", recipe, flags=re.MULTILINE) == [default]


def test_every_official_image_has_a_stand_in_but_grafana() -> None:
    recipe = (ROOT / "tests" / "containers" / "standins" / "Dockerfile").read_text()
    there = set(re.findall(r"^FROM \S+ AS (\S+)$", recipe, flags=re.MULTILINE))
    official = {
        re.sub(r".*/([\w-]+):.*", r"\1", s["image"]).replace("_", "-") for n, s in SERVICES.items() if n not in OURS
    }
    assert official - there <= {"grafana"}


def test_prometheus_asks_services_where_they_listen() -> None:
    asked = yaml.safe_load((ROOT / "compose" / "monitoring" / "prometheus.yml").read_text())["scrape_configs"]
    for target in (target for job in asked for group in job["static_configs"] for target in group["targets"]):
        host, _, port = target.partition(":")
        assert int(port) in LISTENS["prometheus" if host == "127.0.0.1" else host], target
    for group in (group for job in asked for group in job.get("dns_sd_configs", [])):
        assert (group["names"], group["port"]) == ([SECOND_WORKER], cluster.UI_PORTS["spark-worker"])
    token = {job["authorization"]["credentials_file"] for job in asked if "authorization" in job}
    assert token == {"/run/secrets/metrics_token", "/run/secrets/spark_ui_token", "/run/secrets/minio_token"}
    # Every target has a credential: a token, or a client certificate.
    own = first_start.holders(first_start.MOUNTED)["prometheus-secrets"].client_side()
    assert [job["job_name"] for job in asked if "authorization" not in job and job.get("tls_config") != own] == []
    assert "prometheus-secrets:/run/secrets:ro" in SERVICES["prometheus"]["volumes"]


def test_grafana_gets_its_datasource_and_its_dashboards() -> None:
    mounts = dict(mount.split(":")[:2] for mount in SERVICES["grafana"]["volumes"])
    for source in (source for source in mounts if source.startswith("./")):
        assert (ROOT / "compose" / source).exists()
    provisioning = ROOT / "compose" / "monitoring" / "grafana" / "provisioning"
    (provider,) = yaml.safe_load(next(provisioning.glob("dashboards/*.yml")).read_text())["providers"]
    assert provider["options"]["path"] == mounts["./monitoring/grafana/dashboards"]
    assert list((ROOT / "compose" / "monitoring" / "grafana" / "dashboards").glob("*.json"))
    (source,) = yaml.safe_load(next(provisioning.glob("datasources/*.yml")).read_text())["datasources"]
    where = urlsplit(source["url"])
    assert (where.scheme, where.hostname, where.path) == ("https", "prometheus", scrape.PROMETHEUS_BASE)
    assert where.port in LISTENS["prometheus"]
    own = first_start.holders(first_start.MOUNTED)["grafana-secrets"]
    files = {"tlsCACert": own.authority, "tlsClientCert": own.client, "tlsClientKey": own.client_key}
    assert source["secureJsonData"] == {name: f"$__file{{{path}}}" for name, path in files.items()}
    assert (source["jsonData"]["tlsAuth"], source["jsonData"]["tlsAuthWithCACert"]) == (True, True)


@pytest.mark.parametrize("name", monitoring.NAMES)
def test_what_prometheus_reads_requires_a_certificate_as_with_make_up(name: str) -> None:
    inside = first_start.holders(first_start.MOUNTED)[f"{name}-secrets"]
    command = " ".join(SERVICES[name]["command"]).split()
    assert set(monitoring.access_arguments(name, inside, str(inside.folder / "web.yml"))) <= set(command)


def test_certificates_are_mounted_where_the_programs_read_them() -> None:
    for volume, folder in first_start.MOUNTED.items():
        mounted = [
            name
            for name, service in SERVICES.items()
            if name != "first-start" and f"{volume}:{folder}:ro" in service.get("volumes", ())
        ]
        assert len(mounted) == 1, f"{volume} belongs to one container, not to {mounted}"
        serves = first_start.holders(first_start.MOUNTED)[volume].serves
        assert not serves or mounted[0] in serves
    assert _environment("web")["MONITORING_CERTIFICATES"] == str(first_start.MOUNTED["web-certificates"])


def test_the_limits_leave_room_on_a_laptop() -> None:
    """What is allowed in all, one Spark worker and Grafana among it; what is used is measured by make test-compose."""
    sizes = {"m": 1, "g": 1024}
    running = [one for name, one in SERVICES.items() if name not in ONCE | {SECOND_WORKER}]
    limits = [one["mem_limit"] for one in running]
    allowed = sum(int(limit[:-1]) * sizes[limit[-1]] for limit in limits) / 1024
    assert allowed <= 11.5
    assert f"{allowed:.1f} GiB that the limits allow" in (ROOT / "docs/how-to/containers.md").read_text()
