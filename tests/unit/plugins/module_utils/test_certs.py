# SPDX-License-Identifier: GPL-3.0-or-later
"""The issuer of certificates: what is due, what goes wrong, and what reaches the edges."""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import itertools
import json
import pathlib
import typing as t

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.seaworthy.swarm.plugins.module_utils import _acme, _certs, _process
from ansible_collections.seaworthy.swarm.plugins.module_utils._cluster import Cluster, Filters
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import (
    Conflict,
    EdgeError,
    InputError,
    SeaworthyError,
)
from tests.unit.plugins.fakes import FakeClock

Json = dict[str, t.Any]
DAY = 86400.0
PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"
SETTINGS: Json = {
    "names": ["b.example.com", "a.example.com"],
    "email": "ops@example.com",
    "directory": "https://acme.example.com/dir",
    "addresses": ["192.0.2.11", "192.0.2.12"],
    "edges": [{"name": "m1", "address": "10.0.0.11"}, {"name": "m2", "address": "10.0.0.12"}],
}


class Swarm(Cluster):
    """The writer service and the secrets."""

    def __init__(self) -> None:
        super().__init__(clock=FakeClock())
        self.stored: dict[str, Json] = {}
        self.attached: list[Json] = []
        self.index = 1
        self.stale = 0
        self.numbers = itertools.count(1)

    def secrets(self, filters: Filters | None = None) -> list[Json]:
        return copy.deepcopy(list(self.stored.values()))

    def create_secret(self, name: str, data: bytes, labels: t.Any = None) -> str:
        if any(item["Spec"]["Name"] == name for item in self.stored.values()):
            raise Conflict(f"secret {name} exists", status=409)
        id = f"id{next(self.numbers)}"
        self.stored[id] = {"ID": id, "Spec": {"Name": name, "Labels": labels}, "data": data.decode()}
        return id

    def remove_secret(self, id: str) -> None:
        del self.stored[id]

    def services(self, filters: Filters | None = None) -> list[Json]:
        return [self.service(_certs.SERVICE)]

    def service(self, id: str) -> Json:
        template = {"ContainerSpec": {"Secrets": copy.deepcopy(self.attached)}}
        spec = {"Name": _certs.SERVICE, "Mode": {"Global": {}}, "TaskTemplate": template}
        return {"ID": "s1", "Version": {"Index": self.index}, "Spec": spec}

    def update_service(self, id: str, version: int, spec: Json, registry_auth: t.Any = None) -> Json:
        if self.stale:
            self.stale -= 1
            raise Conflict("update out of sequence", status=500)
        assert version == self.index
        self.index += 1
        self.attached = spec["TaskTemplate"]["ContainerSpec"]["Secrets"]
        return {}

    def tasks(self, filters: Filters | None = None) -> list[Json]:
        spec = self.service(_certs.SERVICE)["Spec"]["TaskTemplate"]
        return [{"Spec": spec, "NodeID": "n1", "DesiredState": "running", "Status": {"State": "running"}}]


class World:
    """An authority that issues at once, and edges that show what the writer has."""

    def __init__(self, swarm: Swarm, clock: FakeClock) -> None:
        self.swarm = swarm
        self.clock = clock
        self.addresses: dict[str, set[str]] = {}
        self.broken: set[str] = set()
        self.kept: dict[str, _certs.Certificate] = {}
        self.orders: list[str] = []
        self.old: set[str] = set()
        self.silent_until = 0.0

    def answers(self, edge: _certs.Edge, name: str) -> bool:
        return edge.name != "m2" or self.clock.time() >= self.silent_until

    def resolve(self, name: str) -> set[str]:
        return self.addresses.get(name, {"192.0.2.11"})

    def stored(self, name: str) -> _certs.Certificate | None:
        return self.kept.get(name)

    def order(self, name: str) -> _certs.Certificate:
        self.orders.append(name)
        if name in self.broken:
            raise SeaworthyError(f"no certificate for {name}")
        return certificate(name, self.clock.time(), len(self.orders))

    def fingerprint(self, edge: _certs.Edge, name: str) -> str:
        if edge.name in self.old:
            return "another"
        for item in self.swarm.stored.values():
            labels = item["Spec"]["Labels"]
            attached = [one["SecretName"] for one in self.swarm.attached]
            if labels[_certs.NAME_LABEL] == name and item["Spec"]["Name"] in attached:
                return str(labels[f"{_certs.NAME_LABEL}.fingerprint"])
        raise EdgeError(f"edge {edge.name} shows no certificate for {name}")


def certificate(name: str, now: float, serial: int, days: float = 90) -> _certs.Certificate:
    body = base64.b64encode(f"{name} {serial}".encode()).decode()
    return _certs.Certificate(PEM.format(body) * 2, KEY, (name,), now - 60, now + days * DAY, f"{serial:036X}")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def swarm() -> Swarm:
    return Swarm()


@pytest.fixture
def world(swarm: Swarm, clock: FakeClock) -> World:
    return World(swarm, clock)


def issuer(world: World, **changes: t.Any) -> _certs.Issuer:
    return _certs.Issuer(
        _certs.Settings.parse(SETTINGS | changes),
        cluster=world.swarm,
        authority=world,
        handshakes=world,
        clock=world.clock,
        emit=lambda _text: None,
    )


# -- settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ["*.example.com"]}, "no host names"),
        ({"names": ["shop"]}, "no host names"),
        ({"names": ["Shop.example.com"]}, "no host names"),
        ({"email": ""}, "e-mail"),
        ({"edges": []}, "knows no edge"),
        ({"addresses": []}, "knows no edge"),
        ({"addresses": ["m1"]}, "address is none"),
        ({"ca_file": "/x.pem", "directory": "https://acme-v02.api.letsencrypt.org/directory"}, "Let's Encrypt"),
    ],
)
def test_settings_that_cannot_be(changes: Json, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _certs.Settings.parse(SETTINGS | changes)


def test_addresses_have_one_form_and_order() -> None:
    settings = _certs.Settings.parse(SETTINGS | {"addresses": ["2001:DB8:0::1", "192.0.2.1"]})
    assert settings.addresses == ("192.0.2.1", "2001:db8::1")


def test_settings_survive_their_text() -> None:
    settings = _certs.Settings.parse(SETTINGS | {"ca_file": "/x.pem"})
    assert settings.names == ("a.example.com", "b.example.com")
    assert _certs.Settings.parse(json.loads(settings.text())) == settings


# -- what is due


def test_all_is_due_then_nothing(world: World) -> None:
    assert issuer(world).due() == dict.fromkeys(["a.example.com", "b.example.com"], "there is none")
    assert issuer(world).run() == {}
    assert issuer(world).due() == {}
    assert {item["File"]["Name"] for item in world.swarm.attached} == {
        "cert-a.example.com.yml",
        "cert-b.example.com.yml",
    }
    index = world.swarm.index
    assert issuer(world).run() == {}
    assert (world.swarm.index, len(world.orders)) == (index, 2)


@pytest.mark.parametrize(("days", "due"), [(59, False), (61, True), (100, True)])
def test_renewal_at_a_third_of_the_lifetime(world: World, days: int, due: bool) -> None:
    issuer(world).run()
    world.clock.sleep(days * DAY)
    assert bool(issuer(world).due()) is due


def test_another_authority(world: World) -> None:
    issuer(world).run()
    assert "comes from" in issuer(world, directory="https://other.example.com/dir").due()["a.example.com"]


# -- issuing


def test_a_rotation_replaces_and_removes_the_old(world: World) -> None:
    issuer(world).run()
    before = [item["SecretName"] for item in world.swarm.attached]
    assert issuer(world).run(force=["a.example.com"]) == {}
    after = [item["SecretName"] for item in world.swarm.attached]
    assert len(after) == 2
    assert len(set(before) & set(after)) == 1
    assert sorted(item["Spec"]["Name"] for item in world.swarm.stored.values()) == sorted(after)


def test_the_secret_is_a_whole_fragment(world: World) -> None:
    issuer(world).run()
    fragment = yaml.safe_load(next(iter(world.swarm.stored.values()))["data"])
    (found,) = fragment["tls"]["certificates"]
    assert found["certFile"].count("BEGIN CERTIFICATE") == 2
    assert found["keyFile"] == KEY


def test_one_name_fails_alone(world: World) -> None:
    world.broken = {"a.example.com"}
    assert list(issuer(world).run()) == ["a.example.com"]
    assert [item["File"]["Name"] for item in world.swarm.attached] == ["cert-b.example.com.yml"]


@pytest.mark.parametrize("addresses", [set(), {"198.51.100.1"}, {"192.0.2.11", "198.51.100.1"}])
def test_nothing_is_ordered_for_a_name_that_leads_elsewhere(world: World, addresses: set[str]) -> None:
    world.addresses["a.example.com"] = addresses
    assert "does not lead to the edges" in issuer(world).run()["a.example.com"]
    assert world.orders == ["b.example.com"]


def test_an_order_that_did_not_reach_the_edges_is_used(world: World) -> None:
    world.kept["a.example.com"] = certificate("a.example.com", world.clock.time(), 99)
    issuer(world).run()
    assert world.orders == ["b.example.com"]
    assert any(item["SecretName"].endswith("63") for item in world.swarm.attached)


@pytest.mark.parametrize("change", [{"names": ("other.example.com",)}, {"not_after": 1_000_000.0}])
def test_an_unusable_stored_certificate_is_ordered_again(world: World, change: Json) -> None:
    kept = certificate("a.example.com", world.clock.time(), 99)
    world.kept["a.example.com"] = dataclasses.replace(kept, **change)
    issuer(world).run()
    assert "a.example.com" in world.orders


def test_others_change_the_service_meanwhile(world: World) -> None:
    world.swarm.stale = 3
    assert issuer(world).run() == {}
    world.swarm.stale = 99
    with pytest.raises(Conflict):
        issuer(world).run(force=["a.example.com"])


def test_an_order_waits_until_every_edge_answers_challenges(world: World) -> None:
    start = world.clock.time()
    world.silent_until = start + 20
    assert issuer(world).run() == {}
    assert world.clock.time() - start >= 20
    assert world.orders == ["a.example.com", "b.example.com"]


def test_nothing_is_ordered_while_an_edge_is_silent(world: World) -> None:
    world.silent_until = world.clock.time() + 1000
    assert "no answer from m2 on port 80" in issuer(world).run()["a.example.com"]
    assert world.orders == []


def test_an_edge_that_shows_an_old_certificate_is_found(world: World) -> None:
    world.old = {"m2"}
    with pytest.raises(EdgeError, match=r"m2 shows another certificate for a\.example\.com"):
        issuer(world).run()


def test_a_name_taken_out_stays_until_it_ends(world: World) -> None:
    issuer(world).run()
    fewer = issuer(world, names=["a.example.com"])
    fewer.run()
    assert len(world.swarm.attached) == 2
    world.clock.sleep(91 * DAY)
    fewer.run()
    assert [item["File"]["Name"] for item in world.swarm.attached] == ["cert-a.example.com.yml"]


def test_a_forced_name_must_be_known(world: World) -> None:
    with pytest.raises(InputError, match="not in the list"):
        issuer(world).run(force=["typo.example.com"])
    assert world.orders == []


# -- names and fragments


@pytest.mark.parametrize("name", ["a.example.com", f"{'x' * 60}.example.com", f"{'y' * 38}.io"])
def test_names_of_secrets_fit(name: str) -> None:
    found = _certs.secret_name(name, "0" * 20 + "ABCDEF0123456789")
    assert len(found) <= 64
    assert found.endswith("-abcdef0123456789")


def test_long_names_stay_different() -> None:
    one, other = (_certs.secret_name(f"{'x' * 50}.{part}.example.com", "1") for part in "ab")
    assert one != other


@pytest.mark.parametrize(("chain", "key"), [("", KEY), (PEM.format("AAAA"), ""), (PEM.format("AA: AA"), KEY)])
def test_a_fragment_that_would_freeze_traefik_is_never_made(chain: str, key: str) -> None:
    with pytest.raises(SeaworthyError, match="not as expected"):
        _certs.fragment(dataclasses.replace(certificate("a", 0, 1), chain=chain, key=key))


# -- the account


@pytest.mark.parametrize("form", [serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8])
def test_thumbprint(form: serialization.PrivateFormat) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    numbers = key.public_key().public_numbers()
    x, y = (base64.urlsafe_b64encode(n.to_bytes(32, "big")).rstrip(b"=").decode() for n in (numbers.x, numbers.y))
    text = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'
    expected = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    assert _certs.thumbprint(pem) == expected


@pytest.mark.parametrize("pem", ["", "not a key", KEY])
def test_a_key_without_its_public_part(pem: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as error:
        _certs.thumbprint(pem)
    assert "AAAA" not in str(error.value)


# -- lego and OpenSSL


LEGO = """#!/bin/sh
echo "$@" > {folder}/arguments
echo "$LEGO_CA_CERTIFICATES" > {folder}/ca
{action}
"""


def make_pair(folder: pathlib.Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "9",
    ]
    command += ["-days", "9", "-subj", "/", "-addext", f"subjectAltName=DNS:{name}"]
    files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
    assert _process.run([*command, *files]).returncode == 0


@pytest.fixture
def lego(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> _acme.Lego:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "account.key").write_text(KEY)
    settings = _certs.Settings.parse(SETTINGS | {"directory": "https://acme.example.com:14000/dir", "ca_file": "/ca"})
    return _acme.Lego(settings, tmp_path / "store", tmp_path / "account.key")


def fake_lego(tmp_path: pathlib.Path, action: str) -> None:
    (tmp_path / "lego").write_text(LEGO.format(folder=tmp_path, action=action))
    (tmp_path / "lego").chmod(0o755)


def test_an_order(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    fake_lego(tmp_path, "exit 0")
    folder = tmp_path / "store" / "acme.example.com_14000"
    make_pair(folder / "certificates", "a.example.com")
    found = lego.order("a.example.com")
    assert found.names == ("a.example.com",)
    assert found.not_after - found.not_before == 9 * DAY
    assert lego.stored("a.example.com") == found
    account = folder / "accounts/acme.example.com_14000/ops@example.com/keys/ops@example.com.key"
    assert (account.read_text(), account.stat().st_mode & 0o777) == (KEY, 0o600)
    arguments = (tmp_path / "arguments").read_text()
    assert "--domains a.example.com --http --http.webroot" in arguments
    assert arguments.strip().endswith(" run")
    assert (tmp_path / "ca").read_text() == "/ca\n"
    assert (tmp_path / "store" / "webroot").is_dir()


def test_a_refused_order(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    fake_lego(tmp_path, "echo 'urn:ietf:params:acme:error:rateLimited' >&2; exit 1")
    with pytest.raises(SeaworthyError, match="rateLimited"):
        lego.order("a.example.com")
    assert lego.stored("a.example.com") is None


def test_key_and_certificate_that_do_not_belong_together(tmp_path: pathlib.Path, lego: _acme.Lego) -> None:
    fake_lego(tmp_path, "exit 0")
    folder = tmp_path / "store" / "acme.example.com_14000" / "certificates"
    make_pair(folder, "a.example.com")
    make_pair(folder, "b.example.com")
    (folder / "b.example.com.key").replace(folder / "a.example.com.key")
    with pytest.raises(SeaworthyError, match="do not belong together"):
        lego.order("a.example.com")
    assert lego.stored("a.example.com") is None


def test_an_edge_that_does_not_answer() -> None:
    with pytest.raises(EdgeError, match=r"m1 \(127\.255\.255\.1\)"):
        _acme.TlsHandshakes().fingerprint(_certs.Edge("m1", "127.255.255.1"), "a.example.com")


# -- the whole run


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A host's files, in a folder of the test."""
    for name in ("SETTINGS", "RESULT", "LOCK"):
        monkeypatch.setattr(_acme, name, tmp_path / name)
    return tmp_path


@pytest.mark.usefixtures("host")
def test_only_the_issuer_issues() -> None:
    with pytest.raises(InputError, match="not the issuer"):
        _acme.run_issuer([], lambda _text: None)


def test_why_a_run_failed_is_left_in_a_file(host: pathlib.Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (host / "SETTINGS").write_text(json.dumps(SETTINGS))
    monkeypatch.setattr(_acme, "new_issuer", lambda *_arguments: issuer(world))
    assert _acme.run_issuer([], lambda _text: None) == 0
    assert json.loads((host / "RESULT").read_text()) == []
    world.broken = {"a.example.com"}
    assert _acme.run_issuer(["a.example.com"], lambda _text: None) == 1
    assert json.loads((host / "RESULT").read_text()) == ["no certificate for a.example.com"]
    world.old = {"m1"}
    assert _acme.run_issuer([], lambda _text: None) == 1
    assert "m1 shows another certificate" in (host / "RESULT").read_text()
