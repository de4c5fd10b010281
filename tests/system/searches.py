# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for secrets on every machine of the lab: what they are, the sampler, the searcher, and planted leaks."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import secrets
import select
import subprocess
import sys
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import yaml

from tests.run import LOGS, ROOT
from tests.system.canaries import CONTROLLER, Hit, wire
from tests.system.lab import NAME, Lab
from tests.system.releases import HOSTS
from tests.system.sampler import ARGUMENTS
from tests.system.searcher import FILES, INSPECT, JOURNAL, LISTED, LOCAL, SWARM, Plan

FOLDER = Path(__file__).parent
OUTSIDE, PROCESSES = "harbour", "processes"
MACHINES = (CONTROLLER, *HOSTS, OUTSIDE)
SEARCH_SECONDS = 900
PLANT = "drill-plant"
PLANT_SECONDS = 5
ON_HOSTS = (
    "/tmp",
    "/var/tmp",
    "/run",
    "/dev/shm",
    "/root",
    "/home/ops",
    "/etc/seaworthy",
    "/var/lib/docker/containers",
    "/var/lib/docker/swarm",
)
ON_OUTSIDE = ("/tmp", "/var/tmp", "/run", "/root")


# -- what the secrets are -------------------------------------------------------------------------


def collect(lab: Lab) -> dict[str, str]:
    """All that is secret in the lab, by name: the vault, its password, keys of hosts and certificates, join tokens."""
    vault = lab.state / "secrets.yml"
    words = [ROOT / ".ci/venv", "runtime", "ansible-vault", "view", "--vault-password-file"]
    found: dict[str, str] = yaml.safe_load(quiet([*words, ROOT / "inventories/lab_vault_password.sh", vault]))
    found["vault_password"] = (lab.state / "vault_password").read_text()
    for role in ("manager", "worker"):
        found[f"join token of a {role}"] = quiet([*inside("m1"), "docker", "swarm", "join-token", "--quiet", role])
    for kind, folder in (("internal", "/etc/seaworthy/pki"), ("certificate", "/var/lib/seaworthy/certs")):
        for host in HOSTS:
            find = f"find {folder} -name '*.key' -not -path '*/accounts/*' 2> /dev/null || true"
            for path in quiet([*inside(host), "sh", "-c", find]).split():
                found[f"{kind} {Path(path).name} {host}"] = quiet([*inside(host), "cat", path])
    return found


def born(lab: Lab) -> float:
    """When the lab's first secret was made: no older file can have one."""
    return (lab.state / "vault_password").stat().st_mtime


def inside(host: str, *options: str) -> list[str]:
    return ["docker", "exec", *options, f"seaworthy-{NAME}-{host}"]


def quiet(words: Iterable[object]) -> str:
    """What a program says, and no log of it."""
    done = subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    return done.stdout


def fed(words: list[str], text: str) -> str:
    """What a program says that is given something secret."""
    pipe = subprocess.PIPE
    done = subprocess.run(words, input=text, check=False, stdout=pipe, stderr=pipe, text=True, timeout=SEARCH_SECONDS)
    assert done.returncode == 0, f"{words[:5]} ended with {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


# -- search ---------------------------------------------------------------------------------------


@dataclasses.dataclass
class Found:
    """What a search found, and how much it read: machine → place → bytes and things."""

    hits: list[Hit] = dataclasses.field(default_factory=list)
    searched: dict[str, dict[str, dict[str, int]]] = dataclasses.field(default_factory=dict)

    def total(self, what: str) -> int:
        """Over all machines and places."""
        return sum(counts[what] for places in self.searched.values() for counts in places.values())


def search(
    lab: Lab, texts: Mapping[str, str], *, facts: Path, machines: Iterable[str] = MACHINES, blind: str = ""
) -> Found:
    """Search on machines. `facts` is the folder of the fact cache, `blind` a folder that is not looked into."""
    plans = {machine: _plan(lab, machine, texts, facts, blind) for machine in machines}
    with concurrent.futures.ThreadPoolExecutor(len(plans)) as pool:
        results = dict(zip(plans, pool.map(_search, plans, plans.values()), strict=True))
    found = Found(searched={machine: result["searched"] for machine, result in results.items()})
    found.hits = [{"machine": machine, **hit} for machine, result in results.items() for hit in result["hits"]]
    return found


def _plan(lab: Lab, machine: str, texts: Mapping[str, str], facts: Path, blind: str) -> Plan:
    places = [FILES, INSPECT]
    if machine != CONTROLLER:
        places.append(JOURNAL)
    if machine in HOSTS:
        places.append(LISTED)
    roots = [str(path) for path in outermost(on_controller(lab, facts))] if machine == CONTROLLER else []
    return Plan(texts=wire(texts), roots=roots, since=born(lab), places=places, blind=blind)


def on_controller(lab: Lab, facts: Path) -> list[Path]:
    """Folders of the controller in which a run leaves something."""
    home = Path.home()
    temporary = [Path(name) for name in ("/tmp", "/var/tmp", "/run", "/dev/shm")]
    ours = [lab.state, ROOT, facts]
    return [*temporary, home / ".ansible", home / ".ansible_async", home / ".docker", home / ".cache/seaworthy", *ours]


def outermost(folders: list[Path]) -> list[Path]:
    """Without those that are in others."""
    return [one for one in folders if not any(one != other and one.is_relative_to(other) for other in folders)]


def _search(machine: str, plan: Plan) -> dict[str, Any]:
    script = FOLDER / "searcher.py"
    words = [sys.executable, str(script)]
    if machine != CONTROLLER:  # it leaves no file there
        words = [*inside(machine, "-i"), "python3", "-c", script.read_text()]
    result: dict[str, Any] = json.loads(fed(words, json.dumps(dataclasses.asdict(plan))))
    return result


class Sampling:
    """`with Sampling(texts) as sampling: ...`; afterwards `sampling.hits` and `sampling.counts`."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = json.dumps(wire(texts))
        self._process: subprocess.Popen[str]
        self.hits: list[Hit] = []
        self.counts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        pipe = subprocess.PIPE
        words = [sys.executable, str(FOLDER / "sampler.py")]
        self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True)
        stdin, _ = self._pipes()
        stdin.write(f"{self._texts}\n")
        stdin.flush()
        self._line(30)
        self._machines = containers()
        return self

    def __exit__(self, *unused: object) -> None:
        self._pipes()[0].close()
        try:
            self.counts = self._line(30)
        finally:
            self._process.kill()
            self._process.wait()
            self._pipes()[1].close()
        self.hits = [
            {"machine": self._machines.get(hit.pop("container"), CONTROLLER), "place": PROCESSES, **hit}
            for hit in self.counts.pop("hits")
        ]

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        if self._process.stdin is None or self._process.stdout is None:
            message = "the sampler was started without pipes"
            raise RuntimeError(message)
        return self._process.stdin, self._process.stdout

    def _line(self, seconds: float) -> dict[str, Any]:
        stdout = self._pipes()[1]
        ready, _, _ = select.select([stdout], [], [], seconds)
        found: dict[str, Any] = json.loads(stdout.readline() if ready else "null")
        return found


def containers() -> dict[str, str]:
    """The lab's machines by the ids of their containers."""
    words = ["docker", "ps", "--no-trunc", "--filter", f"label=seaworthy.lab={NAME}", "--format", "{{.ID}} {{.Names}}"]
    pairs = (line.split() for line in quiet(words).splitlines())
    return {identity: name.removeprefix(f"seaworthy-{NAME}-") for identity, name in pairs}


# -- planted leaks --------------------------------------------------------------------------------

PLANT_ON_HOST = """
set -eu
for folder in {folders}; do
  mkdir -p "$folder"
  printf '{{"password": "%s"}}' '{value}' | base64 -w 0 > "$folder/{plant}"
done
echo '{value}' | systemd-cat -t {plant}
tar --create --files-from /dev/null | docker import --change 'LABEL drill={value}' - {plant}:1 > /dev/null
docker create --name {plant} --env 'DRILL={value}' {plant}:1 none > /dev/null
docker volume create --label 'drill={value}' {plant} > /dev/null
docker network create --label 'drill={value}' {plant} > /dev/null
sh -c 'sleep {seconds}; :' '{value}' > /dev/null 2>&1 &
"""
PLANT_IN_SWARM = """
set -eu
docker node update --label-add 'drill={value}' m1 > /dev/null
printf '%s' '{value}' | docker config create {plant}-{value} - > /dev/null
printf '%s' none | docker secret create --label 'drill={value}' {plant} - > /dev/null
docker service create --quiet --detach --no-resolve-image --name {plant} --constraint node.hostname==nowhere \
  --env 'DRILL={value}' {plant}:1 > /dev/null
"""
UPROOT_ON_HOST = """
for folder in {folders}; do rm -f "$folder/{plant}"; done
docker rm --force {plant}
docker image rm {plant}:1
docker volume rm {plant}
docker network rm {plant}
"""
UPROOT_IN_SWARM = """
docker service rm {plant}
docker secret rm {plant}
docker config ls --quiet --filter name={plant} | xargs -r docker config rm
docker node update --label-rm drill m1
"""


@contextmanager
def planted(lab: Lab, facts: Path, value: str) -> Generator[set[tuple[str, str, str]]]:
    """Leave a value in every place of every machine; gives what must be found: machine, place, where."""
    folders = {machine: ON_OUTSIDE if machine == OUTSIDE else ON_HOSTS for machine in (*HOSTS, OUTSIDE)}
    mine = [path / PLANT for path in on_controller(lab, facts) if path.is_dir()] + [LOGS / PLANT]
    fill = {"plant": PLANT, "value": value, "seconds": PLANT_SECONDS}
    expected = {(CONTROLLER, FILES, str(path)) for path in mine} | {(CONTROLLER, PROCESSES, ARGUMENTS)}
    try:
        for path in mine:
            path.write_text(f"-vvv output with {value} in it\n")
        idle = subprocess.Popen(["sh", "-c", f"sleep {PLANT_SECONDS}; :", value])
        for machine, its in folders.items():
            fed([*inside(machine, "-i"), "sh"], PLANT_ON_HOST.format(folders=" ".join(its), **fill))
            expected |= {(machine, FILES, f"{folder}/{PLANT}") for folder in its}
            expected |= {(machine, INSPECT, kind) for kind in LOCAL}
            expected |= {(machine, PROCESSES, ARGUMENTS), (machine, JOURNAL, "journal")}
        fed([*inside("m1", "-i"), "sh"], PLANT_IN_SWARM.format(**fill))
        for host in HOSTS:
            expected |= {(host, INSPECT, kind) for kind in (*SWARM, "task")} | {(host, LISTED, "config")}
        idle.wait()
        yield expected
    finally:
        for path in mine:
            path.unlink(missing_ok=True)
        fed([*inside("m1", "-i"), "sh"], UPROOT_IN_SWARM.format(**fill) + "true\n")
        for machine, its in folders.items():
            fed([*inside(machine, "-i"), "sh"], UPROOT_ON_HOST.format(folders=" ".join(its), **fill) + "true\n")


def places(hits: Iterable[Hit]) -> set[tuple[str, str, str]]:
    """Where something was found."""
    return {(hit["machine"], hit["place"], hit["where"]) for hit in hits}


def fresh() -> str:
    """A value to plant: it is a secret of nobody."""
    return secrets.token_hex(20)
