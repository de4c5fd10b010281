# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: what hosts are told."""

from __future__ import annotations

import json

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _certs
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError
from tests.unit.plugins.certs_world import KEY, SETTINGS, Json, certificate


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ["*.example.com"]}, "certificates_dns_hook"),
        ({"names": ["a.*.example.com"]}, "no host names"),
        ({"names": ["*.*.example.com"], "dns_hook": True}, "no host names"),
        ({"names": ["*"], "dns_hook": True}, "no host names"),
        ({"names": ["shop"]}, "no host names"),
        ({"names": ["Shop.example.com"]}, "no host names"),
        ({"email": ""}, "e-mail"),
        ({"edges": []}, "no edge is known"),
        ({"addresses": []}, "no address of an edge"),
        ({"addresses": ["m1"]}, "address is none"),
        ({"ca_file": "/x.pem", "directory": "https://acme-v02.api.letsencrypt.org/directory"}, "Let's Encrypt"),
    ],
)
def test_settings_that_cannot_be(changes: Json, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _certs.Settings.parse(SETTINGS | changes)


def test_addresses_have_one_form_and_order() -> None:
    settings = _certs.Settings.parse(SETTINGS | {"addresses": ["2001:DB8:0::1", "192.0.2.1"]})
    assert settings.addresses == ("192.0.2.1", "2001:db8::1")


def test_settings_survive_their_text() -> None:
    settings = _certs.Settings.parse(SETTINGS | {"ca_file": "/x.pem"})
    assert settings.names == ("a.example.com", "b.example.com")
    assert _certs.Settings.parse(json.loads(settings.text())) == settings


def test_a_wildcard_with_a_hook() -> None:
    changes = {"names": ["*.example.com"], "dns_hook": True, "dns_resolvers": ["192.0.2.53:53"]}
    settings = _certs.Settings.parse(SETTINGS | changes)
    assert (settings.names, settings.dns_resolvers) == (("*.example.com",), ("192.0.2.53:53",))
    assert _certs.Settings.parse(json.loads(settings.text())) == settings


def test_files_need_neither_account_nor_hook() -> None:
    raw = {"source": "files", "names": ["*.example.com"], "edges": SETTINGS["edges"]}
    settings = _certs.Settings.parse(raw)
    assert (settings.directory, settings.email) == ("files", "")
    assert _certs.Settings.parse(json.loads(settings.text())) == settings


def test_settings_of_an_older_program_are_read() -> None:
    old = SETTINGS | {"ca_file": None}
    assert _certs.Settings.parse(old).source == "acme"


@pytest.mark.parametrize(
    ("names", "name", "covered"),
    [
        (("a.example.com",), "a.example.com", True),
        (("*.example.com",), "a.example.com", True),
        (("*.example.com",), "a.b.example.com", False),
        (("*.example.com",), "example.com", False),
        (("*.example.com",), "*.example.com", True),
    ],
)
def test_what_a_certificate_covers(names: tuple[str, ...], name: str, covered: bool) -> None:
    assert _certs.Certificate("", KEY, names, 0, 0, "").covers(name) is covered


def test_a_key_is_in_no_text_of_a_certificate() -> None:
    assert KEY.strip() not in repr(certificate("a", 0, 1))
    assert "AAAA" not in repr(certificate("a", 0, 1))
