# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of the writer: their names, and that a bad one is never made."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from ansible_collections.seaworthy.swarm.plugins.module_utils import _certs, _certs_writer
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from tests.unit.plugins.certs_world import DAY, KEY, PEM, Swarm, certificate
from tests.unit.plugins.fakes import FakeClock


@pytest.fixture
def swarm() -> Swarm:
    return Swarm(FakeClock())


@pytest.fixture
def writer(swarm: Swarm) -> _certs_writer.Writer:
    return _certs_writer.Writer(swarm, swarm.clock)


@pytest.mark.parametrize("name", ["a.example.com", f"{'x' * 60}.example.com", f"{'y' * 38}.io"])
def test_names_of_secrets_fit(name: str) -> None:
    found = _certs_writer.secret_name(name, "0" * 20 + "ABCDEF0123456789")
    assert len(found) <= 64
    assert found.endswith("-abcdef0123456789")


def test_long_names_stay_different() -> None:
    one, other = (_certs_writer.secret_name(f"{'x' * 50}.{part}.example.com", "1") for part in "ab")
    assert one != other


@pytest.mark.parametrize(("chain", "key"), [("", KEY), (PEM.format("AAAA"), ""), (PEM.format("AA: AA"), KEY)])
def test_a_fragment_that_would_freeze_traefik_is_never_made(chain: str, key: str) -> None:
    with pytest.raises(SeaworthyError, match="not as expected"):
        _certs_writer.fragment(dataclasses.replace(certificate("a", 0, 1), chain=chain, key=key))


def test_wildcards_have_names_that_docker_takes() -> None:
    assert _certs_writer.secret_name("*.example.com", "AB") == "cert-_.example.com-ab"
    assert _certs_writer.target_name("*.example.com") == "cert-_.example.com.yml"


# -- a malformed fragment freezes the whole directory of Traefik, so no secret is made of it


def refuses_before_creating(swarm: Swarm) -> None:
    """The claim: what Traefik could not read never becomes a secret."""
    bad = dataclasses.replace(certificate("a.example.com", 0, 1), chain="-----BEGIN CERTIFICATE-----\n: [\n")
    with pytest.raises(SeaworthyError, match="not as expected"):
        _certs_writer.Writer(swarm, swarm.clock).create("a.example.com", bad, "https://acme.example.com/dir")
    assert swarm.stored == {}


def test_a_malformed_fragment_is_refused_before_its_secret_is_created(swarm: Swarm) -> None:
    refuses_before_creating(swarm)


def test_broken_twin_without_validation(swarm: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(found: _certs.Certificate) -> str:
        return f"tls:\n  certificates:\n    - certFile: |\n        {found.chain}"

    monkeypatch.setattr(_certs_writer, "fragment", careless)
    monkeypatch.setattr(_certs.Certificate, "fingerprint", "")
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        refuses_before_creating(swarm)


# -- of two files for one name the first wins for ever, so a rotation must replace the file


def replaces_the_file(swarm: Swarm) -> None:
    """The claim: after a rotation there is one file for the name, and it is the new one."""
    writer = _certs_writer.Writer(swarm, swarm.clock)
    for serial in (1, 2):
        secret = writer.create("a.example.com", certificate("a.example.com", 0, serial), "https://x.example.com")
        writer.attach({"a.example.com": secret}, wanted=["a.example.com"])
    assert [item["SecretName"] for item in swarm.attached] == ["cert-a.example.com-0000000000000002"]


def test_a_rotation_replaces_the_file(swarm: Swarm) -> None:
    replaces_the_file(swarm)


def test_broken_twin_with_the_serial_in_the_file_name(swarm: Swarm, monkeypatch: pytest.MonkeyPatch) -> None:
    serials = iter(range(10))
    monkeypatch.setattr(_certs_writer, "target_name", lambda name: f"cert-{name}-{next(serials)}.yml")
    with pytest.raises(AssertionError):
        replaces_the_file(swarm)


def test_the_secret_is_a_whole_fragment(swarm: Swarm, writer: _certs_writer.Writer) -> None:
    writer.create("a.example.com", certificate("a.example.com", 0, 1), "https://acme.example.com/dir")
    (secret,) = swarm.stored.values()
    (found,) = yaml.safe_load(secret["data"])["tls"]["certificates"]
    assert found["certFile"].count("BEGIN CERTIFICATE") == 2
    assert found["keyFile"] == KEY
    assert "AAAA" not in str(secret["Spec"])


def test_what_is_not_wanted_goes_when_it_has_ended(swarm: Swarm, writer: _certs_writer.Writer) -> None:
    now = swarm.clock.time()
    secret = writer.create("a.example.com", certificate("a.example.com", now, 1), "https://acme.example.com/dir")
    assert writer.attach({"a.example.com": secret}, wanted=["a.example.com"])
    assert not writer.attach({}, wanted=[])
    swarm.clock.sleep(91 * DAY)
    assert writer.attach({}, wanted=[])
    writer.remove_unused()
    assert (swarm.attached, swarm.stored) == ([], {})
