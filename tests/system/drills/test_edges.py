# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges, asked as no browser asks: HTTP/3, and every way round the internal entrypoint (profile core)."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import datetime
import json
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.system import http3
from tests.system.drills.test_served import ADDRESSES, HOST, Customer
from tests.system.knock import Knock
from tests.system.lab import NAME, Lab
from tests.system.load import put
from tests.system.proof import Prove
from tests.system.releases import HOSTS, Apps, fresh_version
from tests.system.twin import twin

pytestmark = pytest.mark.drill

INTERNAL = "edge.internal"
PROBE_HOST = "probe.lab.test"
OURS, FOREIGN = "/etc/seaworthy/pki/host", "/run/foreign"
ENTRY = json.dumps({"seaworthy_edge_entry": "load_balancer", "seaworthy_load_balancer_addresses": ["192.168.89.2"]})
SILENT_SECONDS = 3.0
HOLD_SECONDS = 180
HOLD = """\
    def doubt_of_previews(self):
        return super().doubt_of_previews() or ("held" if pathlib.Path("/run/hold").exists() else None)
"""


# -- HTTP/3 ---------------------------------------------------------------------------------------


def test_http3(lab: Lab, prove: Prove) -> None:
    """Each edge answers over HTTP/3 with the certificate of HTTP/2, and tells browsers that it does."""
    customer, ca_file = Customer(lab), lab.state / "pebble-root.pem"
    took = {}
    for address in ADDRESSES:
        plain = customer.get(address, f"https://{HOST}/", "--http2")
        assert 'h3=":443"' in plain.headers["alt-svc"]
        began = time.monotonic()
        answer = http3.get(address, HOST, ca_file)
        took[address] = round((time.monotonic() - began) * 1000)
        assert answer.status == 200
        assert b"</html>" in answer.body
        assert answer.serial == int(customer.certificate(address), 16)
    seen = f"{len(took)} addresses: 200, same certificate as over TCP, in {min(took.values())}-{max(took.values())} ms"
    prove("http3", seen, {"milliseconds": took})


def test_http3_behind_a_balancer(lab: Lab, apps: Apps, prove: Prove) -> None:
    """With `seaworthy_edge_entry: load_balancer` no edge advertises it or listens; then it is put back."""
    customer, ca_file = Customer(lab), lab.state / "pebble-root.pem"
    words = ("--tags", "traefik")
    try:
        apps.playbook("playbooks/platform.yml", *words, "-e", ENTRY, log="http3-off").require_success()
        for address in ADDRESSES:
            answer = customer.get(address, f"https://{HOST}/", "--http2")
            assert answer.status == 200
            assert "alt-svc" not in answer.headers
            with pytest.raises((TimeoutError, ConnectionError)):
                http3.get(address, HOST, ca_file, seconds=SILENT_SECONDS)
        ports = published_udp(lab)
    finally:
        apps.playbook("playbooks/platform.yml", *words, log="http3-on").require_success()
    assert ports == []
    assert published_udp(lab) == [443]
    assert {http3.get(address, HOST, ca_file).status for address in ADDRESSES} == {200}
    seen = f"{len(ADDRESSES)} addresses: not advertised, no answer on UDP 443, port not published; on again afterwards"
    prove("http3_behind_a_balancer", seen, {"addresses": ADDRESSES})


def published_udp(lab: Lab) -> list[int]:
    """UDP ports that the service of the edge publishes."""
    words = ("docker", "service", "inspect", "--format", "{{json .Endpoint.Ports}}", "edge_traefik")
    ports = json.loads(lab.on("m1", *words).require_success().output)
    return [port["PublishedPort"] for port in ports if port["Protocol"] == "udp"]


# -- the internal entrypoint ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Waiting:
    """A release that waits: nobody may see it, except on the internal entrypoint with a certificate of ours."""

    number: int
    serving: int

    @property
    def headers(self) -> dict[str, str]:
        return {"x-seaworthy-release": f"probe-r{self.number}"}

    def answered(self, found: dict[str, Any]) -> bool:
        """Whether this release gave the answer, or its preview did."""
        return found.get("release") == f"r{self.number}" or found.get("router") is not None


@pytest.fixture
def waiting(lab: Lab, apps: Apps) -> Generator[Waiting]:
    """A version of the probe that is up, previewed by every edge, and not switched on; afterwards it is."""
    version, serving = fresh_version(), apps.record("probe").serving
    apps.write("probe")
    apps.build("probe", version)
    with twin(lab, HOLD), held(lab), concurrent.futures.ThreadPoolExecutor() as pool:
        deploying = pool.submit(apps.deploy, "probe", version, log="deploy-held")
        try:
            yield until_previewed(lab, apps, serving, deploying)
        finally:
            release_held(lab)
        deploying.result().require_success()
    assert apps.record("probe").version == version


@contextmanager
def held(lab: Lab) -> Generator[None]:
    for host in HOSTS:
        put(lab, host, "/run/hold", "")
    try:
        yield
    finally:
        release_held(lab)


def release_held(lab: Lab) -> None:
    for host in HOSTS:
        lab.on(host, "rm", "-f", "/run/hold").require_success()


def until_previewed(lab: Lab, apps: Apps, serving: int, deploying: concurrent.futures.Future[Any]) -> Waiting:
    """Wait until every edge shows the release to us."""
    end = time.monotonic() + HOLD_SECONDS
    while time.monotonic() < end:
        assert not deploying.done(), deploying.result().output[-3000:]
        found = Waiting(apps.record("probe").last, serving)
        if found.number > serving and all(map(found.answered, knock(lab, allowed(found)))):
            return found
        time.sleep(2)
    message = f"no waiting release was previewed by every edge within {HOLD_SECONDS} s"
    raise AssertionError(message)


def knock(lab: Lab, knocks: list[Knock]) -> list[dict[str, Any]]:
    """From a manager, which no firewall keeps off the internal entrypoint."""
    put(lab, "m1", "/run/knock.py", (Path(__file__).parent.parent / "knock.py").read_text())
    words = ["docker", "exec", "-i", f"seaworthy-{NAME}-m1", "python3", "/run/knock.py"]
    asked = json.dumps([dataclasses.asdict(one) for one in knocks])
    done = subprocess.run(words, input=asked, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def allowed(release: Waiting) -> list[Knock]:
    """As the release engine asks."""
    return [Knock("ours", address, 8443, INTERNAL, INTERNAL, OURS, release.headers, "/ready") for address in ADDRESSES]


def at_the_internal_entrypoint(address: str, release: Waiting) -> list[Knock]:
    """Every way in but the right one."""

    def one(name: str, sni: str | None, certificate: str | None, host: str = INTERNAL) -> Knock:
        return Knock(name, address, 8443, host, sni, certificate, release.headers, "/ready")

    return [
        one("no client certificate", INTERNAL, None),
        one("no SNI, no client certificate", None, None),
        one("no SNI, our certificate", None, OURS),
        one("wrong SNI, no client certificate", "nowhere.invalid", None),
        one("wrong SNI, our certificate", "nowhere.invalid", OURS),
        one("public SNI, internal Host, no client certificate", PROBE_HOST, None),
        one("public SNI, internal Host, our certificate", PROBE_HOST, OURS),
        one("public SNI, public Host, no client certificate", PROBE_HOST, None, PROBE_HOST),
        one("certificate of another CA", INTERNAL, FOREIGN),
        one("public SNI, internal Host, certificate of another CA", PROBE_HOST, FOREIGN),
    ]


def at_the_public_entrypoints(address: str, release: Waiting) -> list[Knock]:
    """The header of the preview with every name in the handshake and every Host, over TLS and plain."""
    value = f"probe-r{release.number}"
    spellings = ({"x-seaworthy-release": value}, {"X-Seaworthy-Release": value}, {"x_seaworthy_release": value})
    found = [
        Knock(f"443, SNI {sni}, Host {host}", address, 443, host, sni, certificate, headers)
        for sni in (PROBE_HOST, INTERNAL, "nowhere.invalid", None)
        for host in (PROBE_HOST, INTERNAL, f"{INTERNAL}:8443")
        for certificate in (None, OURS)
        for headers in spellings
    ]
    return found + [
        Knock(f"80, Host {host}", address, 80, host, None, None, release.headers) for host in (PROBE_HOST, INTERNAL)
    ]


def foreign_certificate(name: str) -> tuple[str, str]:
    """A client certificate that looks like ours, signed by a CA of nobody's: certificate and key as PEM."""
    now = datetime.datetime.now(datetime.UTC)

    def made(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey) -> bytes:
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(signer, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made(name, "Seaworthy internal CA", key, ca_key).decode(), key.private_bytes(*form).decode()


@pytest.mark.usefixtures("estate_with_probe")
def test_internal_entrypoint(lab: Lab, waiting: Waiting, prove: Prove) -> None:
    """While a release waits, only who shows a certificate of our CA for the right name gets an answer of it."""
    certificate, key = foreign_certificate("m1")
    put(lab, "m1", f"{FOREIGN}.crt", certificate)
    put(lab, "m1", f"{FOREIGN}.key", key)
    assert all(map(waiting.answered, knock(lab, allowed(waiting)))), "nothing to hide: the preview does not answer"

    inside = [one for address in ADDRESSES for one in at_the_internal_entrypoint(address, waiting)]
    outside = [one for address in ADDRESSES for one in at_the_public_entrypoints(address, waiting)]
    told: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for one, found in zip(inside + outside, knock(lab, inside + outside), strict=True):
        said = "refused" if "refused" in found else f"{found['status']} {found['release'] or ''}".strip()
        told[one.name][said] += 1
        assert not waiting.answered(found), f"{one}: {found}"
        if one.port == 8443:
            assert "refused" in found or found["status"] in {404, 421}, f"{one}: {found}"
    assert set(told[f"443, SNI {PROBE_HOST}, Host {PROBE_HOST}"]) == {f"200 r{waiting.serving}"}

    over_http3 = [
        http3.get(address, PROBE_HOST, lab.state / "pebble-root.pem", headers=waiting.headers, authority=authority)
        for address in ADDRESSES
        for authority in (PROBE_HOST, INTERNAL)
    ]
    for answer in over_http3:
        assert not waiting.answered(
            {"release": answer.headers.get("x-release"), "router": answer.headers.get("x-seaworthy-router")}
        )
    others = len(outside) + len(over_http3)
    seen = f"{len(inside)} wrong ways on 8443 refused, {others} on 443 and 80: nothing unreleased answered"
    prove("internal_entrypoint", seen, {name: dict(counts) for name, counts in sorted(told.items())})
