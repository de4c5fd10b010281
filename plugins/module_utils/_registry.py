# SPDX-License-Identifier: GPL-3.0-or-later
"""An image registry's own API, as far as we need it: which image a tag is, and how Docker logs in there."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import SeaworthyError

ACCEPTED = ", ".join(
    [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)
TIMEOUT_SECONDS = 20
REDIRECTS = 4


@dataclass(frozen=True)
class Image:
    """An image as a registry serves it."""

    digest: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Registry:
    """A registry: its address with scheme, and the login header that it wants."""

    url: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, image: str, username: str | None = None, password: str | None = None) -> Registry:
        """The registry that an image's name leads to."""
        host = split(image)[0]
        headers = {"Accept": ACCEPTED}
        if username and password:
            headers["Authorization"] = f"Basic {_token(username, password)}"
        return cls(f"https://{host}", headers)

    def digest(self, repository: str, tag: str) -> str | None:
        """The digest of a tag; None when the registry does not have it."""
        answer = self._ask("HEAD", f"/v2/{repository}/manifests/{tag}")
        return str(answer[0]["docker-content-digest"]) if answer else None

    def image(self, image: str) -> Image | None:
        """The image of this name; None when the registry does not have it."""
        _host, repository, tag = split(image)
        answer = self._ask("GET", f"/v2/{repository}/manifests/{tag}")
        if answer is None:
            return None
        headers, body = answer
        config = self._ask("GET", f"/v2/{repository}/blobs/{json.loads(body)['config']['digest']}")
        labels = (json.loads(config[1]).get("config") or {}).get("Labels") if config else None
        return Image(str(headers["docker-content-digest"]), labels or {})

    def _ask(self, method: str, path: str) -> tuple[Mapping[str, Any], bytes] | None:
        url, headers = self.url + path, dict(self.headers)
        for _hop in range(REDIRECTS):
            status, answered, body = self._exchange(method, url, headers)
            if status not in (301, 302, 307, 308):
                break
            # A registry may keep its blobs elsewhere; the login is not for there.
            url = urllib.parse.urljoin(url, str(answered["location"]))
            if not url.startswith(self.url + "/"):
                headers.pop("Authorization", None)
        if status == 200:
            return answered, body
        if status == 404:
            return None
        raise SeaworthyError(
            f"registry {self.url} refuses {method} {path}",
            found=f"HTTP {status}",
            expected="200 or 404",
            remedy="check the registry's user and password" if status in (401, 403) else None,
        )

    def _exchange(self, method: str, url: str, headers: dict[str, str]) -> tuple[int, Mapping[str, Any], bytes]:
        parts = urllib.parse.urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, urllib.parse.urlunsplit(("", "", parts.path, parts.query, "")), headers=headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise SeaworthyError(
                f"registry {self.url} does not answer",
                found=str(error),
                expected=f"an answer to {method} {parts.path}",
                remedy="check that the registry runs, that its name resolves and that its certificate is trusted",
            ) from error
        finally:
            connection.close()


def split(image: str) -> tuple[str, str, str]:
    """The parts of an image's name that has a registry and a tag: (registry, repository, tag)."""
    host, _slash, rest = image.partition("/")
    repository, _colon, tag = rest.rpartition(":")
    if not repository or not tag:
        raise SeaworthyError("this is not the full name of an image", found=image, expected="registry/repository:tag")
    return host, repository, tag


def docker_config(image: str, username: str | None, password: str | None) -> dict[str, Any]:
    """The content of Docker's config.json that logs in at the registry of this image."""
    if not username or not password:
        return {}
    return {"auths": {split(image)[0]: {"auth": _token(username, password)}}}


def _token(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()
