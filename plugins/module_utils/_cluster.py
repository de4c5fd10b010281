# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026, the Seaworthy founders
# PRIVATE: may change without notice; only the modules of this collection are its interface.
"""The Docker Engine API on its unix socket: raw specs in and out, typed errors, patient reads.

Reads are repeated while the engine does not answer or the swarm has no leader, for at most `patience`
seconds. Writes are sent once: a write whose answer was lost may have happened, and only the caller
knows how to find out.
"""

from __future__ import annotations

import base64
import collections.abc as c
import contextlib
import http.client
import json
import socket
import typing as t
import urllib.parse

from . import _logs
from ._clock import Clock, Deadline, SystemClock
from ._errors import ClusterError, Conflict, NotFound, Unavailable

API = "/v1.44"  # Engine 25 and newer
SOCKET = "/var/run/docker.sock"
RETRY_PAUSE = 0.5
PULL_TIMEOUT = 120.0  # between two lines of progress

Json = dict[str, t.Any]
Filters = c.Mapping[str, c.Sequence[str]]

# The engine has one status (500) for many things, so these are known by their text.
STALE_INDEX = "update out of sequence"
WITHOUT_LEADER = (
    "does not have a leader",
    "no elected primary",
    "context deadline exceeded",
    "context canceled",
    "connection refused",
    "transport is closing",
)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def encode_auth(auth: c.Mapping[str, str]) -> str:
    """A registry login (username, password, serveraddress) as the engine's X-Registry-Auth header."""
    return base64.urlsafe_b64encode(json.dumps(dict(auth)).encode()).decode()


def error_of(status: int, message: str, request: str) -> ClusterError:
    """The typed error for an answer of the engine that is no success."""
    text = f"the Docker engine refused {request} ({status}): {message}"
    if status == 404 or (status == 500 and message.endswith(" not found")):
        return NotFound(text, status=status)
    if status == 409 or STALE_INDEX in message:
        return Conflict(text, status=status)
    if status >= 500 and any(part in message for part in WITHOUT_LEADER):
        return Unavailable(text, status=status)
    return ClusterError(text, status=status)


def split_reference(image: str) -> tuple[str, str]:
    """`name[:tag][@digest]` as the name and what the engine's pull takes as tag: digest, tag or latest."""
    name, _at, digest = image.partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        head, tag = name, ""
    return head, digest or tag or "latest"


class Cluster:
    """One engine, and through it (when it is a manager) the swarm."""

    def __init__(
        self,
        socket: str = SOCKET,
        clock: Clock | None = None,
        timeout: float = 30.0,
        patience: float = 40.0,
        api: str = API,
    ) -> None:
        self._socket = socket
        self._api = api
        self._clock = clock or SystemClock()
        self._timeout = timeout
        self._patience = patience

    # -- the engine -------------------------------------------------------------------------------

    def info(self) -> Json:
        return self._get("/info")

    def version(self) -> Json:
        return self._get("/version")

    def pull(
        self,
        image: str,
        registry_auth: c.Mapping[str, str] | None = None,
        progress: c.Callable[[], None] = lambda: None,
    ) -> None:
        """Pull an image onto this engine; the error is the registry's own. `progress` is called again and again."""
        name, tag = split_reference(image)
        query = urllib.parse.urlencode({"fromImage": name, "tag": tag})
        try:
            with self._answer("POST", f"/images/create?{query}", auth=registry_auth, timeout=PULL_TIMEOUT) as answer:
                for line in answer:
                    event = json.loads(line) if line.strip() else {}
                    if "error" in event:
                        raise ClusterError(str(event["error"]))
                    progress()
        except ClusterError as error:
            raise type(error)(f"cannot pull {image}: {error.message}", status=error.status) from error

    def image(self, name: str) -> Json:
        return self._get(f"/images/{urllib.parse.quote(name, safe='/:@')}/json")

    def containers(self, filters: Filters | None = None) -> list[Json]:
        return self._list("/containers/json", filters, all="true")

    def container(self, id: str) -> Json:
        return self._get(f"/containers/{_quote(id)}/json")

    def create_container(self, name: str, spec: c.Mapping[str, object]) -> None:
        """Make a container, not started."""
        self._post(f"/containers/create?name={_quote(name)}", spec)

    def has_path(self, container: str, path: str) -> bool:
        """Is there such a file in a container, running or not?"""
        try:
            self._exchange("HEAD", f"/containers/{_quote(container)}/archive?path={_quote(path)}")
        except NotFound:
            return False
        return True

    def remove_container(self, name: str) -> None:
        """Kill and remove a container with its anonymous volumes."""
        self._delete(f"/containers/{_quote(name)}?force=true&v=true")

    # -- the swarm and its nodes ------------------------------------------------------------------

    def swarm(self) -> Json:
        return self._get("/swarm")

    def swarm_init(self, body: Json) -> str:
        return str(self._post("/swarm/init", body))

    def swarm_join(self, body: Json) -> None:
        self._post("/swarm/join", body)

    def swarm_leave(self) -> None:
        self._post("/swarm/leave?force=true", None)

    def nodes(self, filters: Filters | None = None) -> list[Json]:
        return self._list("/nodes", filters)

    def node(self, id: str) -> Json:
        return self._get(f"/nodes/{_quote(id)}")

    def update_node(self, id: str, version: int, spec: Json) -> None:
        self._post(f"/nodes/{_quote(id)}/update?version={version}", spec)

    # -- services and tasks -----------------------------------------------------------------------

    def services(self, filters: Filters | None = None) -> list[Json]:
        return self._list("/services", filters, status="true")

    def service(self, id: str) -> Json:
        return self._get(f"/services/{_quote(id)}")

    def create_service(self, spec: Json, registry_auth: c.Mapping[str, str] | None = None) -> str:
        return str(self._post("/services/create", spec, registry_auth)["ID"])

    def update_service(
        self, id: str, version: int, spec: Json, registry_auth: c.Mapping[str, str] | None = None
    ) -> Json:
        """Without a new login the one in the service's present spec stays."""
        keep = "" if registry_auth else "&registryAuthFrom=spec"
        answer = self._post(f"/services/{_quote(id)}/update?version={version}{keep}", spec, registry_auth)
        return t.cast(Json, answer or {})

    def remove_service(self, id: str) -> None:
        self._delete(f"/services/{_quote(id)}")

    def tasks(self, filters: Filters | None = None) -> list[Json]:
        return self._list("/tasks", filters)

    def task_logs(self, id: str, tail: int = 20) -> str:
        raw = self._read(f"/tasks/{_quote(id)}/logs?stdout=true&stderr=true&tail={tail}")
        return b"".join(payload for _stream, payload in _logs.frames(raw)).decode(errors="replace")

    def task_lines(self, id: str, *, tail: int | None = None, since: str = "") -> _logs.Log:
        """With the time of each line. `since` is a Unix time; a line of just that time is one of them."""
        query = {"stdout": "true", "stderr": "true", "timestamps": "true"}
        query |= {"tail": str(tail)} if tail is not None else {}
        query |= {"since": since} if since else {}
        return _logs.parse(self._read(f"/tasks/{_quote(id)}/logs?{urllib.parse.urlencode(query)}"))

    # -- networks ---------------------------------------------------------------------------------

    def networks(self, filters: Filters | None = None) -> list[Json]:
        return self._list("/networks", filters)

    def network(self, id: str) -> Json:
        return self._get(f"/networks/{_quote(id)}")

    def create_network(self, spec: Json) -> str:
        return str(self._post("/networks/create", spec)["Id"])

    def remove_network(self, id: str) -> None:
        self._delete(f"/networks/{_quote(id)}")

    # -- configs and secrets ----------------------------------------------------------------------

    def configs(self, filters: Filters | None = None) -> list[Json]:
        return self._list("/configs", filters)

    def config(self, id: str) -> Json:
        return self._get(f"/configs/{_quote(id)}")

    def create_config(self, name: str, data: bytes, labels: c.Mapping[str, str] | None = None) -> str:
        return self._create_blob("configs", name, data, labels)

    def update_config(self, id: str, version: int, spec: Json) -> None:
        """Only labels can change; `spec` needs no Data."""
        self._post(f"/configs/{_quote(id)}/update?version={version}", spec)

    def remove_config(self, id: str) -> None:
        self._delete(f"/configs/{_quote(id)}")

    def secrets(self, filters: Filters | None = None) -> list[Json]:
        return self._list("/secrets", filters)

    def secret(self, id: str) -> Json:
        return self._get(f"/secrets/{_quote(id)}")

    def create_secret(self, name: str, data: bytes, labels: c.Mapping[str, str] | None = None) -> str:
        return self._create_blob("secrets", name, data, labels)

    def update_secret(self, id: str, version: int, spec: Json) -> None:
        """Only labels can change; `spec` needs no Data."""
        self._post(f"/secrets/{_quote(id)}/update?version={version}", spec)

    def remove_secret(self, id: str) -> None:
        self._delete(f"/secrets/{_quote(id)}")

    # -- plain HTTP -------------------------------------------------------------------------------

    def _create_blob(self, kind: str, name: str, data: bytes, labels: c.Mapping[str, str] | None) -> str:
        body = {"Name": name, "Labels": dict(labels or {}), "Data": base64.b64encode(data).decode()}
        return str(self._post(f"/{kind}/create", body)["ID"])

    def _list(self, path: str, filters: Filters | None, **query: str) -> list[Json]:
        if filters:
            query["filters"] = json.dumps({key: list(values) for key, values in filters.items()})
        suffix = f"?{urllib.parse.urlencode(query)}" if query else ""
        return t.cast("list[Json]", json.loads(self._read(path + suffix)) or [])

    def _get(self, path: str) -> Json:
        return t.cast(Json, json.loads(self._read(path)))

    def _post(self, path: str, body: object, auth: c.Mapping[str, str] | None = None) -> t.Any:
        raw = self._exchange("POST", path, json.dumps(body).encode(), auth)
        return json.loads(raw) if raw.strip() else None

    def _delete(self, path: str) -> None:
        self._exchange("DELETE", path)

    def _read(self, path: str) -> bytes:
        patience = Deadline(self._clock, self._patience, f"GET {path}")
        while True:
            try:
                return self._exchange("GET", path)
            except Unavailable:
                if patience.remaining() <= RETRY_PAUSE:
                    raise
                self._clock.sleep(RETRY_PAUSE)

    def _exchange(
        self, method: str, path: str, body: bytes | None = None, auth: c.Mapping[str, str] | None = None
    ) -> bytes:
        with self._answer(method, path, body, auth) as answer:
            return answer.read()

    @contextlib.contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        auth: c.Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> c.Iterator[http.client.HTTPResponse]:
        request = f"{method} {path.partition('?')[0]}"
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if auth:
            headers["X-Registry-Auth"] = encode_auth(auth)
        connection = _UnixConnection(self._socket, timeout or self._timeout)
        try:
            connection.request(method, self._api + path, body=body, headers=headers)
            answer = connection.getresponse()
            if answer.status >= 400:
                raise error_of(answer.status, _message(answer.read()), request)
            yield answer
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"no answer from the Docker engine to {request}: {error or type(error).__name__}",
                remedy=f"Is the engine running and does it listen on {self._socket}?",
            ) from error
        finally:
            connection.close()


def _quote(id: str) -> str:
    return urllib.parse.quote(id, safe="")


def _message(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["message"])
    except (ValueError, KeyError, TypeError):
        return raw.decode(errors="replace").strip()
