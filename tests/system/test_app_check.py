# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbook app_check from a fresh project: no inventory, no host, the real Compose."""

from __future__ import annotations

import pathlib
import re

import pytest

from tests.run import ROOT, Result, run

APP = """\
compose: [../compose.yaml, ../compose.platform.yaml]
profiles: [admin]
environment: {LEVEL: info}
routes: [{service: web, target_port: 3000, hosts: ["shop.{{ seaworthy_domain }}"]}]
secrets: {DATABASE_URL: {as: env}, SESSION_KEY: {}}
"""
COMPOSE = """\
include: [more/compose.yaml]
services:
  web:
    extends: {file: base.yaml, service: base}
    image: example/web:1
    env_file: web.env
    environment:
      DATABASE_URL: ${DATABASE_URL}
      LOG_LEVEL: ${LEVEL}
      PRICE: $$5
    depends_on:
      migrate: {condition: service_completed_successfully}
    ports: ["3000:3000"]
    configs: [motd]
    secrets: [SESSION_KEY]
  migrate:
    image: example/web:1
    command: migrate
    environment: [DATABASE_URL]
  adminer: {image: adminer, profiles: [admin], mem_limit: 64m}
  tool: {image: tool, profiles: [dev], privileged: true}
configs: {motd: {file: motd.txt}}
secrets: {SESSION_KEY: {file: dev.key}}
"""
FILES = {
    "apps/shop.yml": APP,
    "compose.yaml": COMPOSE,
    "compose.platform.yaml": "services:\n  web:\n    ports: !reset []\n",
    "base.yaml": "services:\n  base: {stop_grace_period: 20s}\n",
    "more/compose.yaml": "services:\n  cache: {image: 'redis:7', tmpfs: /data}\n",
    "web.env": "FEATURE=on\n",
    "motd.txt": "hello\n",
}
REFUSED = {
    r"compose.platform.yaml:3: service web: ports": (
        "compose.platform.yaml",
        "services:\n  web:\n    ports: ['1:1']\n",
    ),
    r"web: environment.API_TOKEN: it comes from an env_file": ("web.env", "API_TOKEN=x\n"),
    r"base.yaml:2: service web: privileged": ("base.yaml", "services:\n  base: {privileged: true, pid: host}\n"),
    r"cache: volumes\[0\]: data of an app": (
        "more/compose.yaml",
        "services:\n  cache: {image: r, volumes: ['/data']}\n",
    ),
}


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def check(project: pathlib.Path, *words: str) -> Result:
    """As a user types it in a project that has installed the collection."""
    env = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections"), "COLUMNS": "400"}
    argv = ["ansible-playbook", "seaworthy.swarm.app_check", "-e", "seaworthy_app=shop", *words]
    return run(argv, log="system/app-check.log", cwd=project, env=env)


def test_each_key_has_its_verdict(project: pathlib.Path) -> None:
    found = check(project).require_success()
    for words in (
        "web: class routed, wave 2, example/web:1",
        "migrate: class once, wave 1",
        "adminer: class internal",
        "cache: class internal",
        "translated mem_limit: The memory limit.",
        "used       env_file: Read by Compose's parser.",
        "used       extends: Read by Compose's parser.",
        "left out, because no profile of theirs is on: tool",
        "the app file's secret DATABASE_URL takes the place",
    ):
        assert words in found.output


def test_all_that_is_refused_is_said(project: pathlib.Path) -> None:
    for name, text in REFUSED.values():
        (project / name).write_text(text)
    found = check(project)
    assert found.returncode != 0
    assert "5 things cannot be released" in found.output
    for message in REFUSED:
        assert re.search(message, found.output), message


def test_without_compose(project: pathlib.Path) -> None:
    found = check(project, "-e", "seaworthy_compose_binary=/bin/false")
    assert found.returncode != 0
    assert "seaworthy_compose_binary: /bin/false cannot be used" in found.output
    none = check(project, "-e", f"seaworthy_lab_cache_dir={project}")
    assert none.returncode != 0
    assert "Install the package docker-compose-plugin or docker-compose" in none.output
