# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts lose their power, under load, and come back: nobody lends a hand (profile core)."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from tests.run import LOGS, run
from tests.system.deaths import GOALS, Death, down_at, flaps
from tests.system.drills.test_served import ADDRESSES, HOST, Customer
from tests.system.lab import NAME, Lab, Recap
from tests.system.load import PROBE, Load, addresses, plan, put
from tests.system.loadgen import Stream
from tests.system.proof import Prove
from tests.system.releases import HOSTS, Apps, fresh_version

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("estate_with_probe")]

RUNS = 3
PROBE_HOST = "probe.lab.test"
# Light, and beside the probe's: what the shop's customers see is reported, not judged.
SHOP = (
    Stream("page", "/", 6, check="page"),
    Stream("orders", "/api/orders", 6),
    Stream("order", "/api/orders", 3, method="POST", body='{"product": "rope", "quantity": 1}', status=201),
)
BEFORE_SECONDS = 10
KNOWN_SECONDS = 120  # for the edges to know
DEAD_SECONDS = 65  # the swarm gives a silent host up after about 48 s and starts its tasks elsewhere
WHOLE_SECONDS = 600
LOAD_SECONDS = 900
MANY = 100_000
SLOW = "http: {serversTransports: {drill-slow: {forwardingTimeouts: {dialTimeout: 30s}}}}\n"


# -- power ----------------------------------------------------------------------------------------


def containers(hosts: Iterable[str]) -> list[str]:
    return [f"seaworthy-{NAME}-{host}" for host in hosts]


def cut_power(*hosts: str) -> float:
    """All at once, without a word to anything that runs on them; the time at which it was done."""
    at = time.time()
    run(["docker", "kill", *containers(hosts)], log="system/power.log").require_success()
    return at


def power_on(*hosts: str) -> None:
    run(["docker", "start", *containers(hosts)], log="system/power.log").require_success()


@pytest.fixture(autouse=True)
def power_is_back(lab: Lab) -> Generator[None]:
    """Whatever happened: every host runs again, and the estate is whole, for the test that comes next."""
    yield
    power_on(*HOSTS)
    until_whole(lab)


# -- what there is --------------------------------------------------------------------------------


def leader(lab: Lab) -> str:
    words = ("docker", "node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}")
    lines = lab.on("m1", *words).require_success().output.splitlines()
    return next(line.split()[0] for line in lines if line.endswith(" Leader"))


def probe_service(lab: Lab) -> str:
    words = ("docker", "service", "ls", "--filter", "label=seaworthy.app=probe", "--format", "{{.Name}}")
    (name,) = lab.on("m1", *words).require_success().output.split()
    return name


def servers_on(lab: Lab, host: str, service: str) -> list[str]:
    """The servers of a service on a host, as Traefik names them."""
    words = ("docker", "service", "ps", "--filter", "desired-state=running", "--filter", f"node={host}", "--quiet")
    ids = lab.on("m1", *words, service).require_success().output.split()
    tasks = json.loads(lab.on("m1", "docker", "inspect", "--type", "task", *ids).require_success().output)
    return [
        f"http://{address.partition('/')[0]}:8080"
        for task in tasks
        for attachment in task["NetworksAttachments"]
        if attachment["Network"]["Spec"]["Name"] == "edge"
        for address in attachment["Addresses"]
    ]


class Watch:
    """`with Watch(...) as watch`: what each edge says of the servers of the probe, all the time, asked from a host."""

    def __init__(self, lab: Lab, host: str, service: str, edges: dict[str, str], log: str) -> None:
        put(lab, host, "/run/watch.py", (Path(__file__).parent.parent / "watch.py").read_text())
        script = ["python3", "/run/watch.py", service, *(f"{name}={address}" for name, address in edges.items())]
        self._words = ["docker", "exec", "-i", *containers([host]), *script]
        self._log = LOGS / f"system/{log}.jsonl"
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as stream:
            self._process = subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=stream)
        return self

    def __exit__(self, *unused: object) -> None:
        self._process.communicate(timeout=30)

    def looks(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]


def wrong(lab: Lab, certificate: str | None) -> str | None:
    """What is not as it should be: in the eyes of every host, then in a customer's at every edge; None when nothing."""
    try:
        for host in HOSTS:
            status = lab.on(host, "seaworthy", "status")
            if status.returncode != 0 or "All is well." not in status.output:
                return f"{host}: {status.output[-1000:]}"
        customer = Customer(lab)
        for address in ADDRESSES:
            shown, answer = customer.certificate(address), customer.get(address, f"https://{HOST}/")
            if answer.status != 200 or shown != (certificate or shown):
                return f"{address}: status {answer.status}, certificate {shown}, expected {certificate}"
    except AssertionError as error:  # a program that ended badly, or did not end
        return str(error)
    return None


def until_whole(lab: Lab, certificate: str | None = None) -> float:
    """Wait until nothing is wrong, without a hand; how long that took."""
    began = time.monotonic()
    while fault := wrong(lab, certificate):
        assert time.monotonic() - began < WHOLE_SECONDS, f"not whole by itself after {WHOLE_SECONDS} s: {fault}"
        time.sleep(2)
    return round(time.monotonic() - began, 1)


# -- one host -------------------------------------------------------------------------------------


def die(lab: Lab, log: str) -> tuple[Death, dict[str, Any]]:
    """Kill the leader's host under load through the other edges, start it again; the death, and what else was seen."""
    dead_host, service = leader(lab), probe_service(lab)
    living = {name: address for name, address in addresses("private_ip").items() if name != dead_host}
    watcher = next(iter(living))
    dead = servers_on(lab, dead_host, service)
    assert dead, f"no replica of the probe runs on {dead_host}"
    probe = dataclasses.replace(plan(PROBE_HOST, PROBE, "/ws", LOAD_SECONDS), edges=living, samples=MANY)
    shop = dataclasses.replace(plan(HOST, SHOP, "/api/feed", LOAD_SECONDS), edges=living, samples=MANY)
    shop = dataclasses.replace(shop, websockets=0, min_requests=0)
    certificate = Customer(lab).certificate(living[watcher])
    key = service_key(service)
    with (
        Watch(lab, watcher, key, living, f"watch-{log}") as watch,
        Load(lab, probe, f"load-{log}") as load,
        Load(lab, shop, f"load-{log}-shop") as customers,
    ):
        time.sleep(BEFORE_SECONDS)
        killed_at = cut_power(dead_host)
        end = time.monotonic() + KNOWN_SECONDS
        while down_at(after(watch.looks(), killed_at), dead) is None and time.monotonic() < end:
            time.sleep(0.5)
        time.sleep(max(0.0, killed_at + DEAD_SECONDS - time.time()))
        power_on(dead_host)
        whole = until_whole(lab, certificate)
    looks = after(watch.looks(), killed_at)
    known = down_at(looks, dead)
    death = Death(killed_at, known, load.result, PROBE)
    sold = Death(killed_at, known, customers.result, SHOP)
    return death, {
        "host": dead_host,
        "probe": death.facts(),
        "shop": sold.facts(),
        "whole_seconds_after_start": whole,
        "believed_again": len(flaps(looks, dead, known)) if known else None,
    }


def service_key(service: str) -> str:
    """Traefik's name of the service: Swarm's, without the stack's."""
    return service.partition("_")[2]


def after(looks: list[dict[str, Any]], moment: float) -> list[dict[str, Any]]:
    return [look for look in looks if look["at"] > moment]


def spread(apps: Apps, log: str) -> None:
    """Release the probe anew, so that each host has a replica: the swarm moves none back to a host that returns."""
    version = fresh_version()
    apps.build("probe", version)
    apps.deploy("probe", version, log=log).require_success()


def test_leader_dies(lab: Lab, apps: Apps, prove: Prove) -> None:
    """Three times: 0 failed once the living edges know; everything is whole again by itself."""
    runs = []
    for number in range(1, RUNS + 1):
        if number > 1:
            spread(apps, f"spread-{number}")
        death, facts = die(lab, f"death-{number}")
        assert death.faults() == [], facts
        runs.append(facts)
    prove("leader_dies", told(runs), {"runs": runs})


def told(runs: list[dict[str, Any]]) -> str:
    """One line for the README's table; numbers of the runs with a slash between."""

    def each(values: Iterable[Any]) -> str:
        return "/".join(format(value, "g") for value in values)

    probes = [facts["probe"] for facts in runs]
    windows = [f"{method} {each(one['failed_for_seconds'][method] for one in probes)} s" for method in GOALS]
    return (
        f"{len(runs)} runs: {each(one['failed'] for one in probes)} of {each(one['sent'] for one in probes)} failed"
        f" ({', '.join(windows)}), 0 once the edges knew ({each(one['down_after_seconds'] for one in probes)} s);"
        f" whole {each(facts['whole_seconds_after_start'] for facts in runs)} s after the start"
    )


@contextmanager
def unprotected(lab: Lab, service: str) -> Generator[None]:
    """The probe without retry and health check, and a dial timeout of 30 s: what Traefik does when nobody tells it."""
    words = ("docker", "service", "inspect", "--format", "{{json .Spec.Labels}}", service)
    labels = json.loads(lab.on("m1", *words).require_success().output)
    key = service_key(service)
    gone = [label for label in labels if ".healthcheck." in label or ".retry." in label]
    used = {label: value for label, value in labels.items() if value.endswith(f",{key}-retry")}
    added = {label: value.removesuffix(f",{key}-retry") for label, value in used.items()}
    added[f"traefik.http.services.{key}.loadbalancer.serverstransport"] = "drill-slow@file"
    assert gone and used, labels
    put_fragment(lab, SLOW)
    options = [word for label in gone for word in ("--label-rm", label)]
    options += [word for label, value in added.items() for word in ("--label-add", f"{label}={value}")]
    lab.on("m1", "docker", "service", "update", "--detach", *options, service).require_success()
    time.sleep(BEFORE_SECONDS)
    try:
        yield
    finally:
        power_on(*HOSTS)
        until_whole(lab)
        put_fragment(lab, "")


def put_fragment(lab: Lab, text: str) -> None:
    """Write a fragment of Traefik's configuration on each host past its writer; without a text, remove it."""
    find = ("docker", "ps", "--quiet", "--filter", "name=edge_certs")
    write = 'if [ "$0" ]; then printf %s "$0" > /fragments/.drill && mv /fragments/.drill /fragments/drill.yml'
    script = f"{write}; else rm -f /fragments/drill.yml; fi"
    for host in HOSTS:
        writer = lab.on(host, *find).require_success().output.split()[0]
        lab.on(host, "docker", "exec", writer, "sh", "-c", script, text).require_success()


def test_leader_dies_unprotected(lab: Lab, apps: Apps, prove: Prove) -> None:
    """The broken twin: the same death, and the drill sees it."""
    spread(apps, "spread-twin")
    with unprotected(lab, probe_service(lab)):
        death, facts = die(lab, "death-twin")
    spread(apps, "spread-after-twin")
    assert death.faults() != [], facts
    failed = facts["probe"]
    seconds = max(failed["failed_for_seconds"].values())
    seen = f"{failed['failed']} of {failed['sent']} failed, up to {seconds} s after the death: the drill goes red"
    prove("leader_dies_unprotected", seen, {"run": facts, "faults": death.faults()})


# -- all of them ----------------------------------------------------------------------------------


def test_all_hosts_restart(lab: Lab, apps: Apps, prove: Prove) -> None:
    """All three hosts lose their power at once: everything serves again by itself, and `site` finds nothing to do."""
    certificate = Customer(lab).certificate(ADDRESSES[0])
    cut_power(*HOSTS)
    power_on(*HOSTS)
    whole = until_whole(lab, certificate)
    site = Recap.read(apps.playbook("site.yml", log="site-after-power").require_success().output)
    assert site.total("changed") == 0, site.changed
    seen = f"whole {whole:g} s after the start, certificates and applications served, then `site` changed=0"
    prove("all_hosts_restart", seen, {"whole_seconds_after_start": whole})
