"""The TCP ports on which containers listen, by what the kernel says, and what each of them is."""

from collections.abc import Mapping
from pathlib import Path

LISTEN = "0A"
# Spark chooses the ports between its driver and its executors at each start.
CHOSEN = 0
# Service -> port -> its protocol in `tests.containers.stranger`, which asks it for something without a credential.
PROTOCOLS: Mapping[str, Mapping[int, str]] = {
    "postgres": {5432: "postgres"},
    "redis": {6379: "redis"},
    "ecommerce-kafka": {9092: "kafka", 29092: "kafka", 9093: "kafka", 9404: "jmx"},
    "ecommerce-minio": {9000: "minio", 9001: "minio console"},
    "ecommerce-spark-master": {7077: "spark", 8080: "spark pages"},
    "ecommerce-spark-worker": {8081: "spark pages", CHOSEN: "spark"},
    "spark-connect": {15002: "spark connect", 4040: "spark pages", CHOSEN: "spark"},
    "ecommerce-airflow": {8082: "airflow"},
    "web": {8000: "application"},
    "postgres-exporter": {9187: "client certificate"},
    "redis-exporter": {9121: "client certificate"},
    "prometheus": {9090: "client certificate"},
}


def protocol(service: str, port: int) -> str | None:
    """The protocol of a port; None if nobody has said what it is."""
    known = PROTOCOLS.get(service, {})
    return known.get(port, known.get(CHOSEN))


def listening(pid: int) -> set[int]:
    """The ports on which the network namespace of the process `pid` listens beyond loopback."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, port = local.partition(":")
            if state == LISTEN and not _is_loopback(address):
                found.add(int(port, 16))
    return found


def _is_loopback(address: str) -> bool:
    """Of an address in the kernel's notation: groups of four bytes, each in the order of the machine (little-endian).

    >>> _is_loopback("0100007F"), _is_loopback("00000000"), _is_loopback("0000000000000000FFFF00000100007F")
    (True, False, True)
    """
    if len(address) == 32 and address.startswith("0000000000000000FFFF0000"):
        address = address[24:]
    return address.endswith("7F") if len(address) == 8 else address == "0" * 24 + "01000000"
