# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator types: run, logs, restart, build, status (profile core)."""

from __future__ import annotations

import json
import re
import time

import pytest
import yaml

from tests.run import Result
from tests.system.journal import off_at, results
from tests.system.lab import Lab
from tests.system.load import PROBE, Load, faults, plan, summary
from tests.system.proof import Prove
from tests.system.releases import HOSTS, Apps, fresh_version
from tests.system.terminal import Terminal

pytestmark = [pytest.mark.drill, pytest.mark.usefixtures("estate_with_probe")]

LINES = 8
GUARD_SECONDS = 10.0  # five times the goal
SCREEN_LINES = 24
DRAIN = 10.0
# Says a line each second, with the time and the release it runs in, and ends with the code it was given.
SCRIPT = """
import os, sys, time
for number in range(int(sys.argv[1])):
    print(f"line {number} at {time.time():.3f} in {os.environ['SEAWORTHY_RELEASE']}", flush=True)
    time.sleep(1)
print("the last word", file=sys.stderr)
sys.exit(int(sys.argv[2]))
"""
WRITTEN = re.compile(r"line (\d+) at ([\d.]+) in (r\d+)")


def one_off(seconds: int, code: int) -> tuple[str, ...]:
    """The words of playbook run, for the script."""
    command = ["python3", "-c", SCRIPT, str(seconds), str(code)]
    wanted = {"seaworthy_app": "probe", "seaworthy_command": command}
    return ("playbooks/run.yml", "-e", json.dumps(wanted))


def jobs(lab: Lab) -> list[str]:
    """One-off commands that are there."""
    words = ("docker", "service", "ls", "--filter", "label=seaworthy.run", "--format", "{{.Name}}")
    return lab.on("m1", *words).require_success().output.split()


def test_run(lab: Lab, apps: Apps, prove: Prove) -> None:
    """Output is live and in order, the exit code is told, nothing is left; a killed operator changes nothing."""
    serving = f"r{apps.record('probe').serving}"
    delays: list[float] = []
    codes: dict[int, int] = {}
    for code in (0, 3):
        with Terminal(one_off(LINES, code), log=f"run-{code}.log") as terminal:
            codes[code] = terminal.returncode()
        written = [(at, match) for at, line in terminal.seen if (match := WRITTEN.fullmatch(line))]
        assert [int(match[1]) for _at, match in written] == list(range(LINES))
        assert {match[3] for _at, match in written} == {serving}
        delays += [at - float(match[2]) for at, match in written]
        said = [line for _at, line in terminal.seen]
        assert said.index("the last word") > said.index(written[-1][1].string)
        assert any(f"the command ended with exit code {code}" in line for line in said) == bool(code)
        assert jobs(lab) == []
    assert codes == {0: 0, 3: 2}, "ansible-playbook's own code for a task that failed is 2"
    assert max(delays) < GUARD_SECONDS
    began = time.time()
    with Terminal(one_off(LINES * 2, 0), log="run-killed.log") as terminal:
        next(line for _at, line in terminal.lines() if WRITTEN.fullmatch(line))
    assert len(jobs(lab)) == 1
    while jobs(lab):
        assert time.time() < began + 120
        time.sleep(1)
    words = ("journalctl", "--quiet", "--no-pager", "--output", "cat", "--since", f"@{began:.0f}")
    ended = results(lab.on("m1", *words).require_success().output.splitlines())
    assert [result["rc"] for result in ended] == [0], "the command went on to its own end"
    seen = (
        f"exit codes 0 and 3 told; {len(delays)} lines in order, the slowest {max(delays):.1f} s after it was written; "
        "operator killed: the command ended by itself; nothing left"
    )
    prove("run", seen, {"delays": [round(delay, 2) for delay in delays], "codes": codes})


def test_run_has_what_the_service_has(lab: Lab) -> None:
    """Secrets, user and entrypoint of the service; check mode starts nothing."""
    script = "console.log('key of', require('fs').statSync(process.env.SESSION_KEY_FILE).size, process.getuid())"
    wanted = {"seaworthy_app": "shop", "seaworthy_service": "api", "seaworthy_command": ["node", "-e", script]}
    words = ("playbooks/run.yml", "-e", json.dumps(wanted))
    checked = lab.ansible_playbook(*words, "--check", log="system/run-check.log").require_success()
    assert re.search(r"would run in shop r\d+ \(\S+\), service api: node -e ", checked.output)
    assert jobs(lab) == []
    done = lab.ansible_playbook(*words, log="system/run-api.log").require_success()
    match = re.search(r"^key of (\d+) (\d+)$", done.output, re.MULTILINE)
    assert match
    assert int(match[1]) > 0
    assert int(match[2]) > 0, "the image's user is not root"


def test_logs(lab: Lab, apps: Apps, prove: Prove) -> None:
    """Lines that replicas wrote a moment ago, in their order, with service, replica and node."""
    release = apps.record("probe").serving
    wrote: list[tuple[str, str]] = []
    for host in HOSTS:
        listing = ("docker", "ps", "--filter", f"name=probe-r{release}_", "--format", "{{.ID}} {{.Names}}")
        for line in lab.on(host, *listing).require_success().output.splitlines():
            container, name = line.split()
            text = f"written for the drill by {name}"
            script = f"open('/proc/1/fd/1', 'w').write({text + chr(10)!r})"
            lab.on(host, "docker", "exec", container, "python3", "-c", script).require_success()
            wrote.append((f"probe.{name.split('.')[1]} {host}", text))
    assert len(wrote) == 3
    words = ("playbooks/logs.yml", "-e", "seaworthy_app=probe", "-e", "seaworthy_since=5m", "-e", "seaworthy_tail=3")
    began = time.monotonic()
    output = lab.ansible_playbook(*words, log="system/logs.log").require_success().output
    seconds = time.monotonic() - began
    found = re.findall(r"^(\S+Z) (\S+ \S+) \| (written for the drill .*)$", output, re.MULTILINE)
    assert [(origin, text) for _at, origin, text in found] == wrote
    assert [at for at, _origin, _text in found] == sorted(at for at, _origin, _text in found)
    changed = re.search(r"changed=(\d+)", output)
    assert changed
    assert changed[1] == "0"
    prove("logs", f"3 of 3 lines of 3 replicas, in their order, after {seconds:.0f} s", {"lines": found})


def test_restart(lab: Lab, apps: Apps, prove: Prove) -> None:
    """All containers are new, under load, and no request is lost."""
    old = apps.record("probe")
    apps.write("probe", version=old.version)
    with Load(lab, plan("probe.lab.test", PROBE, "/ws"), "load-restart") as load:
        apps.playbook("playbooks/restart.yml", "-e", "seaworthy_app=probe", log="restart").require_success()
    record = apps.record("probe")
    assert (record.serving, record.version) == (old.serving + 1, old.version)
    assert faults(load.result, off_at(lab, record.version, f"r{record.serving}"), DRAIN) == []
    assert set(load.result["releases"]) == {f"r{old.serving}", f"r{record.serving}"}
    assert apps.left_of("probe", old.serving) == []
    prove("restart", summary(load.result), {"load": load.result})


def test_build(lab: Lab, apps: Apps, prove: Prove) -> None:
    """The digest that is printed is the one that hosts get; of a build that fails the last lines are shown."""
    version = fresh_version()
    apps.write("probe")
    output = apps.build("probe", version).output
    image = f"registry.lab.test:5000/probe/probe:{version}"
    printed = re.search(rf"{re.escape(image)}@(sha256:[0-9a-f]{{64}}) \(built\)", output)
    assert printed, output
    pulled = lab.on("m1", "docker", "pull", image).require_success().output
    assert f"Digest: {printed[1]}" in pulled
    assert f"{image}@{printed[1]} (is there)" in apps.build("probe", version).output
    failed = broken_build(apps, version)
    assert failed.returncode == 2
    assert re.search(r"^  .*the reason why$", failed.output, re.MULTILINE)
    assert "ERROR: failed to solve" in failed.output
    seen = "the printed digest is the pulled one; a second build finds it there; a failed one shows its last lines"
    prove("build", seen, {"image": image, "digest": printed[1]})


def broken_build(apps: Apps, version: str) -> Result:
    """An application whose image cannot be built."""
    (apps.folder / "context").mkdir()
    (apps.folder / "context/Dockerfile").write_text("FROM python:3.13-slim-trixie\nRUN echo the reason why && exit 7\n")
    compose = apps.folder / "context/compose.yaml"
    compose.write_text(yaml.safe_dump({"services": {"broken": {"build": "."}}}))
    app = {"compose": [str(compose)], "version": "1", "environment": {}, "routes": []}
    (apps.folder / "broken.yml").write_text(yaml.safe_dump(app))
    words = ("-e", "seaworthy_app=broken", "-e", f"seaworthy_version={version}")
    return apps.playbook("playbooks/build.yml", *words, log="build-broken")


def test_status(lab: Lab, apps: Apps, prove: Prove) -> None:
    """One screen; a replica that is missing is named with the reason, and the exit code tells it."""
    record = apps.record("probe")
    whole = lab.ansible_playbook("playbooks/status.yml", log="system/status.log").require_success().output
    screen = lab.on("m1", "seaworthy", "status").require_success().output
    assert len(screen.splitlines()) <= SCREEN_LINES
    row = rf"^probe +r{record.serving} +{record.version} +\d+ \w+ +\d+ d left +probe 3/3$"
    assert re.search(row, screen, re.MULTILINE)
    assert "All is well." in whole
    service = f"probe-r{record.serving}_probe-probe-r{record.serving}"
    words = ("--detach", "--replicas", "4", "--replicas-max-per-node", "1", service)
    lab.on("m1", "docker", "service", "update", *words).require_success()
    end = time.monotonic() + 120
    while "3 of 4 run" not in lab.on("m1", "seaworthy", "status").output:
        assert time.monotonic() < end
        time.sleep(1)
    broken = lab.ansible_playbook("playbooks/status.yml", log="system/status-broken.log")
    line = r"^! (probe: probe has too few replicas \(3 of 4 run\): no suitable node .*)$"
    problem = re.search(line, broken.output, re.MULTILINE)
    assert problem, broken.output
    assert broken.returncode == 2
    apps.write("probe", version=record.version)
    apps.playbook("playbooks/restart.yml", "-e", "seaworthy_app=probe", log="restart-mends").require_success()
    assert "All is well." in lab.on("m1", "seaworthy", "status").require_success().output
    seen = f"{len(screen.splitlines())} lines; a missing replica: exit code 2 and the reason, {problem[1]!r}"
    prove("status", seen, {"screen": screen.splitlines(), "broken": broken.output.splitlines()})
