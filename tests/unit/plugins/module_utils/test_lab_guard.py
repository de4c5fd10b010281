# SPDX-License-Identifier: GPL-3.0-or-later
"""What may leave the lab's bridge."""

from __future__ import annotations

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils import _lab_guard
from ansible_collections.seaworthy.swarm.plugins.module_utils._lab_guard import Mirror

MIRRORS = [
    Mirror("one.example.org", ("192.0.2.7", "2001:db8::7"), (80, 443)),
    Mirror("two.example.org", ("192.0.2.7",), (443,)),
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://one.example.org/debian", {"one.example.org": {80}}),
        ("https://one.example.org", {"one.example.org": {443}}),
        ("https://one.example.org:8443/simple", {"one.example.org": {8443}}),
        ("https://one.example.org|direct", {"one.example.org": {443}}),
        (
            "https://one.example.org,https://two.example.org,direct",
            {"one.example.org": {443}, "two.example.org": {443}},
        ),
        ('Acquire::http::Proxy "http://192.0.2.1:3128";', {"192.0.2.1": {3128}}),
        ("http://user:word@one.example.org:81/", {"one.example.org": {81}}),
        ('registry = "https://one.example.org/"', {"one.example.org": {443}}),
        ("file:///srv/mirror off direct", {}),
    ],
)
def test_endpoints_are_found_in_the_settings_of_any_client(text: str, found: dict[str, set[int]]) -> None:
    assert _lab_guard.endpoints([text]) == found


def test_endpoints_of_several_settings_are_merged() -> None:
    assert _lab_guard.endpoints(["http://one.example.org", "https://one.example.org"]) == {"one.example.org": {80, 443}}


def test_a_name_without_address_is_no_mirror() -> None:
    assert _lab_guard.resolve({"192.0.2.7": [80], "nowhere.invalid": [80]}) == [
        Mirror("192.0.2.7", ("192.0.2.7",), (80,))
    ]


def test_the_ruleset_lets_each_address_and_port_out_once() -> None:
    rules = _lab_guard.ruleset("seaworthy_lab", "seaworthy0", MIRRORS)
    assert "elements = { 192.0.2.7 . 443, 192.0.2.7 . 80 }" in rules
    assert "elements = { 2001:db8::7 . 443, 2001:db8::7 . 80 }" in rules


def test_the_ruleset_ends_in_a_rejection_for_the_bridge_on_both_ways_out() -> None:
    rules = _lab_guard.ruleset("seaworthy_lab", "seaworthy0", [])
    assert rules.count('iifname "seaworthy0" reject') == 2
    assert rules.count('oifname "seaworthy0" reject') == 1
    assert "elements" not in rules


def test_the_comment_tells_one_ruleset_from_another() -> None:
    one = _lab_guard.ruleset("seaworthy_lab", "seaworthy0", MIRRORS)
    assert _lab_guard.comment_of(one) == _lab_guard.comment_of(
        _lab_guard.ruleset("seaworthy_lab", "seaworthy0", MIRRORS)
    )
    assert _lab_guard.comment_of(one) != _lab_guard.comment_of(_lab_guard.ruleset("seaworthy_lab", "other0", MIRRORS))
    assert _lab_guard.comment_of("") == ""
