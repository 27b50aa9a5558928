"""The certificates of monitoring: one authority for all holders, and nothing for others."""

import stat
from pathlib import Path

import pytest
from cryptography import x509

from compose.local.certificates import LOCAL_NAMES, Certificates, ensure


@pytest.fixture
def holders(tmp_path: Path) -> list[Certificates]:
    """A server, a client that is a server too, and a client."""
    made = [
        Certificates(tmp_path / "server", serves=("server", *LOCAL_NAMES), asks=False),
        Certificates(tmp_path / "both", serves=("both", *LOCAL_NAMES), java=False),
        Certificates(tmp_path / "client", serves=(), java=False),
    ]
    assert ensure(made, "password")
    return made


def _files(holder: Certificates) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in holder.folder.iterdir()}


def test_each_holder_has_its_own_files_of_one_authority(holders: list[Certificates]) -> None:
    server, both, client = holders
    pair = ("server.pem", "server.key")
    assert set(_files(server)) == {"authority.pem", *pair, "server.p12"}
    assert set(_files(both)) == {"authority.pem", *pair, "client.pem", "client.key"}
    assert set(_files(client)) == {"authority.pem", "client.pem", "client.key"}
    assert len({holder.authority.read_bytes() for holder in holders}) == 1
    keys = [path.read_bytes() for holder in holders for path in holder.folder.glob("*.key")]
    assert len(set(keys)) == len(keys)
    paths = [path for holder in holders for path in holder.folder.iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}


def test_a_server_is_known_by_its_names_only(holders: list[Certificates]) -> None:
    certificate = x509.load_pem_x509_certificate(holders[0].server.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["server", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_usable_ones_stay(holders: list[Certificates]) -> None:
    before = [_files(holder) for holder in holders]
    assert not ensure(holders, "password")
    assert [_files(holder) for holder in holders] == before


@pytest.mark.parametrize("damage", ["missing", "other authority", "other key", "other name", "other password"])
def test_all_are_made_again_where_one_is_of_no_use(damage: str, holders: list[Certificates], tmp_path: Path) -> None:
    before = [_files(holder) for holder in holders]
    wanted, password = list(holders), "password"
    if damage == "missing":
        holders[2].client_key.unlink()
    elif damage == "other authority":
        Certificates(tmp_path / "client", serves=(), java=False).authority.write_bytes(b"")
        assert ensure([holders[2]], "password")
    elif damage == "other key":
        holders[1].server_key.write_bytes(holders[1].client_key.read_bytes())
    elif damage == "other name":
        wanted[0] = Certificates(tmp_path / "server", serves=("renamed", *LOCAL_NAMES), asks=False)
    else:
        password = "another"
    assert ensure(wanted, password)
    after = [_files(holder) for holder in wanted]
    assert all(old[name] != new[name] for old, new in zip(before, after, strict=True) for name in new)
    assert not ensure(wanted, password)
