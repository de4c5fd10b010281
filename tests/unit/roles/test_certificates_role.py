# SPDX-License-Identifier: GPL-3.0-or-later
"""Role certificates: which files a manager has for each source, and which go away."""

from __future__ import annotations

import typing as t

import pytest
from ansible.plugins.loader import init_plugin_loader

from tests.run import ROOT
from tests.unit.roles.test_edge_templates import evaluate

KEY = "-----BEGIN EC PRIVATE KEY-----"
ISSUER = {
    "/etc/systemd/system/seaworthy-certs.service",
    "/etc/systemd/system/seaworthy-certs.timer",
    "/etc/seaworthy/acme_account.key",
    "/var/lib/seaworthy/certs",
}
HOOK = {"/etc/seaworthy/dns_hook", "/etc/seaworthy/dns_hook_secret"}
CHECK = {"/etc/systemd/system/seaworthy-certs-check.service", "/etc/systemd/system/seaworthy-certs-check.timer"}


@pytest.fixture(scope="module", autouse=True)
def lookups() -> None:
    """The lookups of ansible.builtin, by their full names."""
    init_plugin_loader()


def role(name: str, **inputs: t.Any) -> t.Any:
    found = {
        "ansible_search_path": [str(ROOT / "roles" / "certificates")],
        "certificates_account_key": KEY,
        "certificates_names": ["shop.example.com", "*.example.com", "Shop.example.com", "a.*.example.com"],
    }
    return evaluate("certificates", "{{ " + name + " }}", **found | inputs)


def paths(name: str, **inputs: t.Any) -> dict[str, t.Any]:
    return {item["path"]: item for item in role(name, **inputs)}


def test_an_issuer_without_hook() -> None:
    assert set(role("__certificates_wanted")) == ISSUER | CHECK
    assert set(role("__certificates_unwanted")) == HOOK | {"/etc/seaworthy/acme_ca.pem"}
    assert (
        "ExecStart=/usr/local/bin/seaworthy certs\n"
        in paths("__certificates_files")["/etc/systemd/system/seaworthy-certs.service"]["content"]
    )


def test_an_issuer_with_a_hook_and_its_secret() -> None:
    hook = {"certificates_dns_hook": str(ROOT / "tests/fixtures/certificates/dns_hook")}
    files = paths("__certificates_files", **hook)
    assert files["/etc/seaworthy/dns_hook"]["mode"] == "0700"
    assert "dns_hook present|cleanup" in files["/etc/seaworthy/dns_hook"]["content"]
    assert "/etc/seaworthy/dns_hook_secret" in role("__certificates_unwanted", **hook)
    secret = hook | {"certificates_dns_hook_secret": "token"}
    assert paths("__certificates_secret_files", **secret)["/etc/seaworthy/dns_hook_secret"]["content"] == "token"
    assert "token" not in str(role("__certificates_files", **secret))


def test_files_take_the_issuer_away_and_leave_the_check() -> None:
    files = {"certificates_source": "files", "certificates_dns_hook": "/etc/hostname"}
    assert set(role("__certificates_wanted", **files)) == CHECK
    assert set(role("__certificates_unwanted", **files)) == ISSUER | HOOK | {"/etc/seaworthy/acme_ca.pem"}


def test_every_unit_is_confined_alike() -> None:
    files = paths("__certificates_files")
    for name in ("seaworthy-certs", "seaworthy-certs-check"):
        content = files[f"/etc/systemd/system/{name}.service"]["content"]
        for line in ("ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077"):
            assert f"{line}\n" in content


def test_wrong_names() -> None:
    assert role("__certificates_wrong_names") == ["Shop.example.com", "a.*.example.com"]
    assert role("__certificates_wildcards") == ["*.example.com"]
