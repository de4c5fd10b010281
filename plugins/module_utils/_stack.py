# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""Swarm stacks: created by the Docker CLI, removed through the API so that we see when they are gone."""

from __future__ import annotations

import base64
import collections.abc as c
import contextlib
import json
import pathlib
import tempfile
import typing as t

from . import _process
from ._cluster import WITHOUT_LEADER, Cluster
from ._errors import ClusterError, DeadlineExceeded, NotFound, Unavailable

DOCKER_CONFIG = pathlib.Path("/root/.docker")
PRIVATE = pathlib.Path("/run/seaworthy")
DOCKER_HUB = "https://index.docker.io/v1/"
DEPLOY_SECONDS = 40.0  # repeated after that: the lease must outlive it

Json = dict[str, t.Any]


class Stacks:
    """The stacks of one swarm."""

    def __init__(self, cluster: Cluster, config: pathlib.Path = DOCKER_CONFIG, private: pathlib.Path = PRIVATE) -> None:
        self._cluster = cluster
        self._config = config
        self._private = private

    def deploy(self, name: str, document: Json) -> None:
        """Create what a document names, beside what the stack has already. Nothing is removed, and what exists is
        updated to what the document says. The services get the logins that root has on this host.
        """
        command = ["docker", "stack", "deploy", "--with-registry-auth", "--resolve-image=never", "--detach=true"]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DOCKER_CONFIG": str(self._config)}
        with self._configs_as_files(document) as readable:
            try:
                done = _process.run(
                    [*command, "--compose-file=-", name],
                    data=json.dumps(readable),
                    env=environment,
                    seconds=DEPLOY_SECONDS,
                )
            except DeadlineExceeded as error:
                raise Unavailable(f"docker stack deploy {name} gave no answer in {DEPLOY_SECONDS} s") from error
        if done.returncode != 0:
            kind = Unavailable if any(text in done.stderr for text in WITHOUT_LEADER) else ClusterError
            raise kind(f"docker stack deploy {name} failed: {done.stderr.strip()}")

    @contextlib.contextmanager
    def _configs_as_files(self, document: Json) -> c.Iterator[Json]:
        """The document for an engine that knows no `content` of a config. The files live as long as the context."""
        self._private.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._private, prefix="configs-") as folder:
            configs = {}
            for number, (key, config) in enumerate((document.get("configs") or {}).items()):
                configs[key] = dict(config)
                if "content" in config:
                    file = pathlib.Path(folder, str(number))
                    file.touch(mode=0o600)
                    file.write_text(configs[key].pop("content"), encoding="utf-8")
                    configs[key]["file"] = str(file)
            yield document | ({"configs": configs} if configs else {})

    def remove(self, name: str) -> str | None:
        """Remove what is left of a stack. To be repeated until nothing is said to be left."""
        filters = {"label": [f"com.docker.stack.namespace={name}"]}
        for service in self._cluster.services(filters):
            _gone(self._cluster.remove_service, service["ID"])
        configs, networks = self._cluster.configs(filters), self._cluster.networks(filters)
        try:
            for config in configs:
                _gone(self._cluster.remove_config, config["ID"])
            for network in networks:
                _gone(self._cluster.remove_network, network["Id"])
        except Unavailable:
            raise
        except ClusterError as error:
            return error.message  # still in use by tasks that are ending
        return f"network {networks[0]['Name']} is being removed" if networks else None

    def login(self, image: str) -> dict[str, str] | None:
        """The login that `docker login` left on this host for an image's registry."""
        first, slash, _rest = image.partition("/")
        registry = first if slash and ("." in first or ":" in first or first == "localhost") else DOCKER_HUB
        registry = DOCKER_HUB if registry == "docker.io" else registry
        try:
            logins = json.loads((self._config / "config.json").read_text()).get("auths") or {}
        except FileNotFoundError:
            return None
        encoded = (logins.get(registry) or {}).get("auth")
        if not encoded:
            return None
        username, _colon, password = base64.b64decode(encoded).decode().partition(":")
        return {"username": username, "password": password, "serveraddress": registry}


def _gone(remove: t.Callable[[str], None], id: str) -> None:
    try:
        remove(id)
    except NotFound:
        return
