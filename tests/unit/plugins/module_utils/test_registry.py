# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry's API against a registry of our own on loopback."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import SeaworthyError
from ansible_collections.seaworthy.swarm.plugins.module_utils._registry import Registry, docker_config, split

CONFIG = {"config": {"Labels": {"seaworthy.context": "sha256:1"}}}


class Handler(http.server.BaseHTTPRequestHandler):
    """One image, its configuration kept elsewhere, one repository that needs a login."""

    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        if self.path == "/v2/shop/api/manifests/1":
            self._answer(200, {"config": {"digest": "sha256:c"}}, {"docker-content-digest": "sha256:m"})
        elif self.path == "/v2/shop/api/blobs/sha256:c":
            port = self.headers["Host"].rpartition(":")[2]
            self._answer(307, {}, {"Location": f"http://localhost:{port}/elsewhere?key=1"})
        elif self.path == "/elsewhere?key=1":
            self._answer(200, CONFIG, {})
        else:
            self._answer(401 if "private" in self.path else 404, {}, {})

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: object, headers: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


@pytest.fixture
def registry() -> Iterator[Registry]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.seen.clear()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Registry(f"http://127.0.0.1:{server.server_address[1]}", {"Authorization": "Basic x"})
        server.shutdown()


def test_digest_and_labels_of_an_image(registry: Registry) -> None:
    image = registry.image("ignored/shop/api:1")
    assert image is not None
    assert (image.digest, image.labels) == ("sha256:m", {"seaworthy.context": "sha256:1"})
    assert registry.digest("shop/api", "1") == "sha256:m"


def test_the_login_is_not_sent_to_another_host(registry: Registry) -> None:
    registry.image("ignored/shop/api:1")
    assert Handler.seen[-1] == ("/elsewhere?key=1", None)
    assert all(login == "Basic x" for _path, login in Handler.seen[:-1])


def test_what_is_not_there_is_none(registry: Registry) -> None:
    assert registry.image("ignored/shop/api:2") is None
    assert registry.digest("shop/api", "2") is None


def test_a_refusal_says_what_to_check(registry: Registry) -> None:
    with pytest.raises(SeaworthyError, match=r"HTTP 401.*user and password"):
        registry.digest("private/api", "1")


def test_no_registry_is_an_error_of_ours() -> None:
    with pytest.raises(SeaworthyError, match="does not answer"):
        Registry("http://127.0.0.1:9", {}).digest("shop/api", "1")


def test_names() -> None:
    assert split("registry.example.com:5000/shop/api:1.2") == ("registry.example.com:5000", "shop/api", "1.2")
    for wrong in ("shop", "registry.example.com:5000/shop"):
        with pytest.raises(SeaworthyError, match="not the full name"):
            split(wrong)


def test_dockers_login() -> None:
    assert docker_config("r.example.com/a/b:1", None, None) == {}
    assert docker_config("r.example.com/a/b:1", "u", "p") == {"auths": {"r.example.com": {"auth": "dTpw"}}}
