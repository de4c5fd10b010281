# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: replaced without a lost request, renewed by whoever lives, and checked (profile core).

`seaworthy certs --force` is the renewal, asked for by hand. Certificates that live for minutes come from the lab's own
authority; a manager's timer that runs three times a minute stands for the hourly one.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import threading
import time
from collections.abc import Generator

import pytest

from tests.system.authority import (
    SERVICE,
    Authority,
    Replaced,
    forget,
    renew_as_ever,
    renew_never,
    renew_often,
    replace,
    shown,
)
from tests.system.drills.test_host_dies import cut_power, power_on, until_whole
from tests.system.drills.test_served import ADDRESSES, HOST, Customer
from tests.system.lab import NAME, Lab, Recap
from tests.system.load import MIN_REQUESTS, Load, addresses, plan
from tests.system.loadgen import Stream
from tests.system.proof import Prove
from tests.system.releases import HOSTS, Apps
from tests.system.twin import patched

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("estate_with_probe")]

PROBE_HOST = "probe.lab.test"
LIGHT = (Stream("page, new connection", "/", 12, new_connection=True, check="page"),)
TLS = (
    Stream("get, keep-alive", "/", 55),
    Stream("get, new connection", "/", 55, new_connection=True),
)
LIFETIME = 360  # the issuer takes no certificate that ends within 300 s (CLOCK_DIFFERENCE)
NEAR_END_SECONDS = LIFETIME * 5 / 6 + 3  # less than a sixth is left: an alarm
DEAD = "m3"
LIVING = ("m1", "m2")
RENEWED_SECONDS = 5 * LIFETIME
FRAGMENTS = "/fragments"


class Rotation(threading.Thread):
    """Orders and distributes a new certificate again and again until it is told to stop."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self.lab = lab
        self.stop = threading.Event()
        self.codes: list[int] = []

    def run(self) -> None:
        while not self.stop.is_set():
            self.codes.append(self.lab.on("m1", "seaworthy", "certs", "--force", HOST).returncode)


def test_site_while_certificate_rotates(lab: Lab, apps: Apps, prove: Prove) -> None:
    """Rotations all through a run of `site`, under a light load of new TLS connections."""
    for name in ("shop", "probe"):  # the versions that run, or `site` would build others
        apps.write(name, version=apps.record(name).version)
    apps.issue(log="certificates-before")  # whoever ran last may have had other applications
    customer = Customer(lab)
    before = customer.certificate(ADDRESSES[0])
    rotation = Rotation(lab)
    light = dataclasses.replace(plan(HOST, LIGHT, "/api/feed"), min_requests=0)
    with Load(lab, light, "load-certificates") as load:
        rotation.start()
        try:
            result = apps.playbook("site.yml", log="site-rotation")
        finally:
            rotation.stop.set()
            rotation.join()
    recap = Recap.read(result.require_success().output)
    assert recap.total("changed") == 0, recap.changed
    assert rotation.codes
    assert set(rotation.codes) == {0}
    after = {customer.certificate(address) for address in ADDRESSES}
    assert len(after) == 1
    assert after != {before}
    assert load.result["failed"] == 0, load.result["samples"]
    seen = f"{len(rotation.codes)} rotations during one run of site: changed=0, {load.result['failed']} of "
    seen += f"{load.result['sent']} requests failed, one certificate on every edge"
    prove("site_while_certificate_rotates", seen, {"rotations": len(rotation.codes), "load": load.result})


# -- replaced -------------------------------------------------------------------------------------


def test_replaced_under_load(lab: Lab, prove: Prove) -> None:
    """Three times, by three managers, under 5,000 TLS requests or more: none fails, every edge shows the new one."""
    tls = dataclasses.replace(plan(PROBE_HOST, TLS, "/ws"), websockets=0)
    with Load(lab, tls, "load-replaced") as load:
        done = [timed_replace(lab, host) for host in HOSTS]
    assert [fault for one, _ in done for fault in one.faults()] == []
    result = load.result
    assert result["failed"] == 0, result["samples"]
    assert result["sent"] >= MIN_REQUESTS
    seconds = [seconds for _, seconds in done]
    seen = f"3 times: 0 of {result['sent']:,} TLS requests failed; order to last edge {'/'.join(map(str, seconds))} s"
    prove("certificate_replaced", seen, {"load": result, "seconds": seconds, "edges": ADDRESSES})


def timed_replace(lab: Lab, host: str) -> tuple[Replaced, int]:
    began = time.monotonic()
    return replace(lab, host, PROBE_HOST), round(time.monotonic() - began)


NOT_VALIDATED = """
_certs_writer.fragment = lambda certificate: "tls: [certificates\\n"
"""
WITH_SERIAL = """
import uuid
serial = uuid.uuid4().hex[:8]
_certs_writer.target_name = lambda name: f"cert-{name}_{serial}.yml"
"""


def test_fragment_that_was_not_validated(lab: Lab, prove: Prove) -> None:
    """The broken twin writes a fragment that Traefik cannot read: later certificates of others do not arrive."""
    with patched(lab, NOT_VALIDATED, ["m1"]):
        bad = replace(lab, "m1", PROBE_HOST)
    frozen = replace(lab, "m2", HOST)
    healed = [replace(lab, "m2", name) for name in (PROBE_HOST, HOST)]
    assert bad.faults() != []
    assert frozen.faults() != []
    assert [fault for one in healed for fault in one.faults()] == []
    seen = f"the next certificate of another name does not arrive, the drill goes red: {frozen.faults()[-1][:80]}"
    prove("fragment_not_validated", seen, {"bad": bad.faults(), "frozen": frozen.faults()})


def test_serial_in_the_file_name(lab: Lab, prove: Prove) -> None:
    """The broken twin names files by the certificate: of two for one name the old one wins."""
    try:
        with patched(lab, WITH_SERIAL, ["m1"]):
            old_wins = replace(lab, "m1", HOST)
    finally:
        detach(lab, f"cert-{HOST}_")
    healed = replace(lab, "m1", HOST)
    assert old_wins.faults() != []
    assert healed.faults() == []
    seen = f"the old certificate is served for ever, the drill goes red: {old_wins.faults()[-1][:80]}"
    prove("serial_in_file_name", seen, {"faults": old_wins.faults()})


def detach(lab: Lab, prefix: str) -> None:
    """Take secrets out of the writer whose file names begin so."""
    words = ("docker", "service", "inspect", "--format", "{{json .Spec.TaskTemplate.ContainerSpec.Secrets}}")
    secrets = json.loads(lab.on("m1", *words, "edge_certs").require_success().output)
    names = [one["SecretName"] for one in secrets if one["File"]["Name"].startswith(prefix)]
    options = [word for name in names for word in ("--secret-rm", name)]
    if options:
        lab.on("m1", "docker", "service", "update", "--quiet", *options, "edge_certs").require_success()


# -- checks ---------------------------------------------------------------------------------------


def test_one_edge_serves_an_old_one(lab: Lab, prove: Prove) -> None:
    """The file of one edge is put back to what it was: the check on a manager and the one from outside find it."""
    in_fragments(lab, "m2", f"cp cert-{HOST}.yml .drill-old")
    assert replace(lab, "m1", HOST).faults() == []
    in_fragments(lab, "m2", f"mv .drill-old cert-{HOST}.yml")
    until_different(lab)
    inside, outside = check(lab), check_outside(lab, HOST)
    healed = replace(lab, "m1", HOST)
    assert inside[0] == 1
    assert f"edge m2 shows another certificate for {HOST}" in inside[1]
    assert outside[0] != 0
    assert f"the edges do not show the same certificate for {HOST}" in outside[1]
    assert healed.faults() == []
    assert check(lab)[0] == 0
    assert check_outside(lab, HOST)[0] == 0
    seen = "one edge of three: found by `seaworthy certs --check` on another host, and from outside"
    prove("old_certificate_is_found", seen, {"inside": inside[1].splitlines()})


def in_fragments(lab: Lab, host: str, command: str) -> None:
    """Run a command where the writer puts its files."""
    (writer, *_) = (
        lab.on(host, "docker", "ps", "--quiet", "--filter", "name=edge_certs").require_success().output.split()
    )
    script = f"cd {FRAGMENTS} && {command}"
    lab.on(host, "docker", "exec", writer, "sh", "-c", script).require_success()


def until_different(lab: Lab) -> None:
    end = time.monotonic() + 30
    while len(set(shown(lab, HOST).values())) == 1:
        assert time.monotonic() < end, "the edge does not take its old file"
        time.sleep(0.5)


def check(lab: Lab, host: str = "m1") -> tuple[int, str]:
    """What a manager's own check says."""
    done = lab.on(host, "seaworthy", "certs", "--check")
    return done.returncode, done.output


def check_outside(lab: Lab, name: str) -> tuple[int, str]:
    """What the controller says, which is a client like any other."""
    asked = {"names": [name], "addresses": ADDRESSES, "ca_file": str(lab.state / "pebble-root.pem")}
    words = ("tests/system/drills/outside.yml", "-e", json.dumps(asked))
    done = lab.ansible_playbook(*words, log="system/certificates-outside.log")
    return done.returncode, done.output


# -- near the end ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(lab: Lab) -> Generator[Authority]:
    """The certificate authority; afterwards it, all certificates and all timers are as before."""
    made = Authority(lab)
    yield made
    made.restore()
    renew_as_ever(lab)


@pytest.fixture(scope="module")
def ending(lab: Lab, authority: Authority) -> Replaced:
    """The probe's certificate lives for minutes and nobody renews it; it is near its end."""
    renew_never(lab)
    forget(lab, PROBE_HOST)
    authority.restart(certificateValidityPeriod=LIFETIME)
    made = replace(lab, "m1", PROBE_HOST)
    assert made.faults() == []
    time.sleep(NEAR_END_SECONDS)
    return made


def test_near_its_end(lab: Lab, ending: Replaced, prove: Prove) -> None:
    """A certificate that nobody renewed is found, on a manager and from outside, while it is still good."""
    inside, outside = check(lab, "m2"), check_outside(lab, PROBE_HOST)
    assert shown(lab, PROBE_HOST) == ending.after
    assert inside[0] == 1
    assert f"{PROBE_HOST}: its certificate is valid for 0.0 more days; renewals must have failed" in inside[1]
    assert outside[0] != 0
    assert f"the certificate for {PROBE_HOST} is valid for 0.0 more days only" in outside[1]
    seen = f"with a sixth of {LIFETIME} s left: found by `seaworthy certs --check`, and from outside"
    prove("certificate_near_its_end_is_found", seen, {"inside": inside[1].splitlines()})


def test_authority_fails(lab: Lab, authority: Authority, ending: Replaced, prove: Prove) -> None:
    """It is down, then it refuses: said clearly; the refusal is remembered for every manager; clients see nothing."""
    authority.stop()
    down = lab.on("m1", "seaworthy", "certs")
    authority.restart(domainBlocklist=[PROBE_HOST])
    refused, waiting = lab.on("m1", "seaworthy", "certs"), lab.on("m2", "seaworthy", "certs")
    untouched = shown(lab, PROBE_HOST) == ending.after
    authority.restart()
    renewed = replace(lab, DEAD, PROBE_HOST)
    assert [done.returncode for done in (down, refused, waiting)] == [1, 1, 1]
    assert "the certificate authority does not work, nothing was ordered" in down.output
    assert f"gave no certificate for {PROBE_HOST}" in refused.output
    assert f"{PROBE_HOST} is not ordered now: the last order failed; the next one is made after" in waiting.output
    assert untouched
    assert renewed.faults() == []
    said = {"down": down.output, "refused": refused.output, "next_manager": waiting.output}
    seen = "down: nothing is ordered; refused: no manager orders again before its wait is over; served as before"
    prove("authority_fails", seen, {key: text.splitlines() for key, text in said.items()})


# -- the issuer's host ----------------------------------------------------------------------------


def test_issuer_dies(lab: Lab, authority: Authority, prove: Prove) -> None:
    """The issuer's host loses its power in the middle of an order: another manager renews before the end."""
    renew_never(lab)
    forget(lab, PROBE_HOST)
    authority.restart(certificateValidityPeriod=LIFETIME)
    made = replace(lab, DEAD, PROBE_HOST)
    issued_at = time.time()
    living = [addresses(key)[host] for key in ("private_ip", "private_ip6") for host in LIVING]
    try:
        killed_at = kill_in_order(lab)
        before = shown(lab, PROBE_HOST, living)
        renew_often(lab, *LIVING)
        after = until_renewed(lab, living, before)
        renewed_at = time.time()
        renewer = [host for host in LIVING if ordered(lab, host, killed_at)]
    finally:
        power_on(DEAD)
        until_whole(lab)
    assert made.faults() == []
    assert set(before.values()) == {made.fingerprint}
    assert len(set(after.values())) == 1
    assert renewer
    left = LIFETIME - (renewed_at - issued_at)
    assert left > 0, "the old certificate had ended before"
    assert set(shown(lab, PROBE_HOST).values()) == set(shown(lab, PROBE_HOST, living).values())
    seen = f"killed in an order that it had the lease for; renewed by another with {left:.0f} of {LIFETIME} s left"
    prove("issuer_dies", seen, {"killed": DEAD, "renewed_by": renewer, "seconds_left": round(left)})


def kill_in_order(lab: Lab) -> float:
    """Begin an order on a host, and kill the host in the middle of it."""
    words = ["docker", "exec", f"seaworthy-{NAME}-{DEAD}", "seaworthy", "certs", "--force", PROBE_HOST]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as order:
        assert order.stdout is not None
        line = order.stdout.readline()
        assert "a new certificate is needed" in line, line
        time.sleep(1)
        assert order.poll() is None, "the order was over before the host could be killed"
        at = cut_power(DEAD)
    words_of_lease = ("docker", "config", "inspect", "--format", "{{json .Spec.Labels}}", "seaworthy-certificates")
    end = time.monotonic() + 60
    while (said := lab.on("m1", *words_of_lease)).returncode and time.monotonic() < end:
        time.sleep(1)  # the dead one may have been the leader
    assert json.loads(said.require_success().output)["seaworthy.lease.owner"] == DEAD
    return at


def until_renewed(lab: Lab, living: list[str], before: dict[str, str]) -> dict[str, str]:
    """Wait until every living edge shows another certificate than before."""
    end = time.monotonic() + RENEWED_SECONDS
    while any((after := shown(lab, PROBE_HOST, living))[address] == before[address] for address in living):
        assert time.monotonic() < end, f"not renewed after {RENEWED_SECONDS} s"
        time.sleep(1)
    return after


def ordered(lab: Lab, host: str, since: float) -> bool:
    """Whether a host's timer has ordered since then."""
    words = ("journalctl", "--quiet", "--no-pager", "--output", "cat", "--unit", SERVICE, f"--since=@{since:.0f}")
    return f"{PROBE_HOST}: a new certificate is needed" in lab.on(host, *words).require_success().output
