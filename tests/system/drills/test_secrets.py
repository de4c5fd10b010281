# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets leave no trace: every secret of the lab is searched for on every machine, during and after runs (core)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.run import ROOT, Result, run
from tests.system import canaries, searches
from tests.system.drills.test_served import Customer
from tests.system.lab import Lab, Recap
from tests.system.load import addresses
from tests.system.proof import Prove
from tests.system.releases import HOSTS, Apps, fresh_version
from tests.system.searcher import FILES, JOURNAL
from tests.system.searches import Found, Sampling, collect, planted, search

pytestmark = pytest.mark.drill

APP = "node-api"
APP_HOST = "node-api.lab.test"
SECRET = f"{APP}/JWT_SECRET"
SLOWEST_MEAN_SECONDS = 0.5  # between two samples, when the machine is very busy; wanted is 0.1
BLIND = ("m2", "/var/tmp")


@pytest.fixture(scope="module")
def made(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Generator[Apps]:
    """The shop, with a secret as a file, and an API that takes its secret from the environment; it has a release."""
    apps = Apps(lab, tmp_path_factory.mktemp("apps"))
    version = fresh_version()
    apps.write("shop")
    apps.write(APP, version=version)
    apps.build(APP, version)
    apps.issue(log="secrets-certificate")
    apps.deploy(APP, version, log="secrets-up").require_success()
    yield apps
    apps.remove(APP)
    (apps.folder / f"{APP}.yml").unlink()
    apps.issue(log="secrets-gone")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fact cache."""
    return tmp_path_factory.mktemp("facts")


def playbook(apps: Apps, facts: Path, path: str, *words: str, log: str) -> Result:
    """With all that Ansible can say, and a fact cache."""
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(facts)}
    every = ["-vvv", "--diff", path, "-e", f"seaworthy_apps_dir={apps.folder}", *words]
    argv = [ROOT / ".ci/venv", "runtime", "ansible-playbook", *every]
    return run(argv, log=f"system/secrets-{log}.log", timeout=1800, env=cache).require_success()


def operate(lab: Lab, apps: Apps, facts: Path) -> None:
    """What a team does in a week: build, site, deploy, a command, a new certificate."""
    version = fresh_version()
    named = ("-e", f"seaworthy_app={APP}", "-e", f"seaworthy_version={version}")
    playbook(apps, facts, "playbooks/build.yml", *named, log="build")
    site = playbook(apps, facts, "site.yml", log="site")
    assert set(Recap.read(site.output).hosts) >= set(HOSTS)
    playbook(apps, facts, "playbooks/deploy.yml", *named, log="deploy")
    command = ("-e", "seaworthy_service=api", "-e", "seaworthy_command='node --version'")
    playbook(apps, facts, "playbooks/run.yml", *named[:2], *command, log="run")
    lab.on("m1", "seaworthy", "certs", "--force", APP_HOST).require_success()


# -- the search sees ------------------------------------------------------------------------------


def test_planted_leaks_are_found(lab: Lab, facts: Path, prove: Prove) -> None:
    """One in each place of each machine; a search that is blind to one path does not find all of them."""
    (host, folder), value = BLIND, searches.fresh()
    texts = {"plant": value}
    with Sampling(texts) as sampling, planted(lab, facts, value) as expected:
        found = search(lab, texts, facts=facts)
        blind = search(lab, texts, facts=facts, machines=[host], blind=folder)
    elsewhere = [hit for hit in found.hits if hit["machine"] != host]
    assert expected - searches.places([*found.hits, *sampling.hits]) == set()
    missed = expected - searches.places([*elsewhere, *blind.hits, *sampling.hits])
    assert missed == {(host, FILES, f"{folder}/{searches.PLANT}")}
    left = expected & searches.places(search(lab, texts, facts=facts).hits)
    assert {place for place in left if place[1] != JOURNAL} == set()  # a journal forgets no single line
    told = f"{len(expected)} planted leaks found; blind to {folder} on {host} it misses one and goes red"
    prove("secret_search_sees", told, {"planted": sorted(map(list, expected)), "missed_when_blind": sorted(missed)})


# -- nothing is there -----------------------------------------------------------------------------


def test_secrets_leave_no_trace(lab: Lab, made: Apps, facts: Path, prove: Prove) -> None:
    """Build, site, deploy, run and renewal with all that Ansible can say: no secret outside of the places it needs."""
    texts = collect(lab)
    assert {"internal_ca", "shop/SESSION_KEY", SECRET} <= set(texts)
    with Sampling(texts) as sampling:
        operate(lab, made, facts)
    texts |= collect(lab)
    found = search(lab, texts, facts=facts)
    hits = [*found.hits, *sampling.hits]
    assert [canaries.told(hit) for hit in canaries.strays(hits)] == []
    assert list(facts.iterdir()), "the fact cache is empty, so it was not tried"
    unused = [home.where for home in canaries.HOMES if not any(home.holds(hit) for hit in hits)]
    assert unused == [], "these places need no exception"
    samples, seconds = sampling.counts["samples"], sampling.counts["seconds"]
    assert samples >= seconds / SLOWEST_MEAN_SECONDS
    prove("secrets_leave_no_trace", told(found, sampling, len(texts)), facts_of(found, sampling, texts))


def told(found: Found, sampling: Sampling, count: int) -> str:
    """One line for the README's table."""
    read = f"{found.total('things'):,} files, journals and answers ({found.total('bytes') / 1e9:.1f} GB)"
    samples = f"{sampling.counts['samples']:,} samples of {sampling.counts['commands']:,} commands"
    return f"{count} secrets in none of {read} and {samples}, but for {len(canaries.HOMES)} places with a reason"


def facts_of(found: Found, sampling: Sampling, texts: dict[str, str]) -> dict[str, object]:
    """For the proof: names and counts, no values."""
    return {
        "secrets": sorted(texts),
        "searched": found.searched,
        "sampled": sampling.counts,
        "homes": [{"machines": one.machines, "where": one.where, "reason": one.reason} for one in canaries.HOMES],
        "at_home": sorted({canaries.told(hit) for hit in [*found.hits, *sampling.hits]}),
    }


# -- a program that reads only its environment ------------------------------------------------------


@pytest.mark.usefixtures("made")
def test_secret_as_environment_variable(lab: Lab, prove: Prove) -> None:
    """An API that knows only process.env signs with the secret; Swarm's spec and `docker inspect` do not have it."""
    value = collect(lab)[SECRET]
    expected = hmac.new(value.encode(), b"ahoy", hashlib.sha256).hexdigest()
    customer = Customer(lab)
    edges = addresses("private_ip")
    for address in edges.values():
        words = ("--connect-to", f"{APP_HOST}:443:{address}:443")
        answer = customer.get(address, f"https://{APP_HOST}/sign?text=ahoy", *words)
        assert (answer.status, json.loads(answer.body)) == (200, {"signature": expected})
    looks = own_containers(lab)
    service, containers = looks.pop("swarm"), [look for its in looks.values() for look in its]
    assert containers
    text = json.dumps([*service, *containers])
    assert not any(form in text for form in canaries.wire({SECRET: value})[SECRET])
    seen = f"signed with it through {len(edges)} edges; neither the service nor {len(containers)} containers tell it"
    prove("secret_as_environment_variable", seen, {"image": str(containers[0]["Image"]), "edges": edges})


def own_containers(lab: Lab) -> dict[str, list[dict[str, object]]]:
    """What the engines tell of the containers of this application, by host; of its service as `swarm`."""
    found = {"swarm": inspected(lab, "m1", "service", "ls")}
    found |= {host: inspected(lab, host, "container", "ls") for host in HOSTS}
    return {place: looks for place, looks in found.items() if looks}


def inspected(lab: Lab, host: str, kind: str, listing: str) -> list[dict[str, object]]:
    words = ("docker", kind, listing, "--quiet", "--filter", f"name={APP}-r")
    ids = lab.on(host, *words).require_success().output.split()
    looks = lab.on(host, "docker", kind, "inspect", *ids).require_success().output if ids else "[]"
    found: list[dict[str, object]] = json.loads(looks)
    return found
