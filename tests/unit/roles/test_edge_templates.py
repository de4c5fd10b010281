# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles traefik and certificates render, through Ansible's own templar."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from tests.run import ROOT

Json = dict[str, t.Any]


def trusted(value: t.Any) -> t.Any:
    """Every text in it as a template."""
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def evaluate(role: str, text: str, **variables: t.Any) -> t.Any:
    """An expression or template, with the role's own defaults."""
    folder = ROOT / "roles" / role
    names: Json = {"ansible_managed": "Ansible managed"}
    for file in ("vars/main.yml", "defaults/main.yml"):
        for key, value in yaml.safe_load((folder / file).read_text()).items():
            names[key] = trusted(value)
    return Templar(loader=DataLoader(), variables=names | variables).template(trust_as_template(text))


def render(role: str, template: str, **variables: t.Any) -> str:
    """A template of a role."""
    return str(evaluate(role, (ROOT / "roles" / role / "templates" / template).read_text(), **variables))


def test_every_entrypoint_but_the_probes_drains() -> None:
    static = yaml.safe_load(render("traefik", "traefik.yml.j2"))
    for name in ("web", "websecure", "internal"):
        assert static["entryPoints"][name]["transport"]["lifeCycle"] == {
            "requestAcceptGraceTimeout": "8s",
            "graceTimeOut": "20s",
        }
        assert static["entryPoints"][name]["http"]["aliasHeadersStrategy"] == "delete"
    assert static["entryPoints"]["ready"]["address"].startswith("127.0.0.1:")


def test_nothing_is_public_by_default() -> None:
    static = yaml.safe_load(render("traefik", "traefik.yml.j2"))
    swarm = static["providers"]["swarm"]
    assert (swarm["exposedByDefault"], swarm["defaultRule"]) == (False, "Host(`nothing.invalid`)")
    assert swarm["endpoint"] == "tcp://edge_socket_proxy:2375"
    assert static["ping"] == {"manualRouting": True}
    assert static["metrics"]["prometheus"] == {"manualRouting": True}


def test_the_internal_entrypoint_asks_for_a_certificate() -> None:
    """Its default options do, and no router of it has others: one would switch them off for all."""
    static = yaml.safe_load(render("traefik", "traefik.yml.j2"))
    fragment = yaml.safe_load(render("traefik", "edge.yml.j2"))
    assert static["entryPoints"]["internal"]["http"]["tls"] == {"options": "internal@file"}
    options = fragment["tls"]["options"]["internal"]
    assert options["clientAuth"]["clientAuthType"] == "RequireAndVerifyClientCert"
    assert options["sniStrict"] is True
    internal = [item for item in fragment["http"]["routers"].values() if item["entryPoints"] == ["internal"]]
    assert internal
    for router in internal:
        assert "Host(`edge.internal`)" in router["rule"]
        assert "tls" not in router


@pytest.mark.parametrize("enabled", [True, False])
def test_http3_is_published_where_it_is_advertised(enabled: bool) -> None:
    """Both or neither, on the same number."""
    static = yaml.safe_load(render("traefik", "traefik.yml.j2", traefik_http3_enabled=enabled))
    spec = yaml.safe_load(pathlib.Path(ROOT, "roles/traefik/vars/main.yml").read_text())["__traefik_spec"]
    ports = evaluate("traefik", spec["EndpointSpec"]["Ports"], traefik_http3_enabled=enabled)
    udp = [port for port in ports if port["Protocol"] == "udp"]
    advertised = {name: entry["http3"] for name, entry in static["entryPoints"].items() if "http3" in entry}
    assert advertised == ({"websecure": {"advertisedPort": 443}} if enabled else {})
    assert udp == (
        [{"Protocol": "udp", "TargetPort": 443, "PublishedPort": 443, "PublishMode": "host"}] if enabled else []
    )
    assert [port["PublishedPort"] for port in ports if port["Protocol"] == "tcp"] == [80, 443, 8443]


def test_http3_is_on_unless_told_otherwise() -> None:
    assert "http3" in yaml.safe_load(render("traefik", "traefik.yml.j2"))["entryPoints"]["websecure"]


@pytest.mark.parametrize(("entry", "enabled"), [(None, True), ("direct", True), ("load_balancer", False)])
def test_a_balancer_before_the_edges_switches_http3_off(entry: str | None, enabled: bool) -> None:
    """A balancer of TCP connections passes no UDP."""
    play = yaml.safe_load(pathlib.Path(ROOT, "playbooks/plays/edge.yml").read_text())[0]
    given = {"seaworthy_edge_entry": entry} if entry else {}
    assert evaluate("traefik", play["vars"]["traefik_http3_enabled"], **given) is enabled


def test_the_health_route_is_for_balancers() -> None:
    fragment = yaml.safe_load(render("traefik", "edge.yml.j2", traefik_balancers=["192.0.2.10/32"]))
    assert fragment["http"]["routers"]["edge"]["rule"] == (
        "Path(`/.seaworthy/edge`) && (ClientIP(`127.0.0.1/32`) || ClientIP(`192.0.2.10/32`))"
    )


def test_every_router_has_its_priority() -> None:
    """Traefik's own, the length of the rule, is nobody's decision."""
    fragment = yaml.safe_load(render("traefik", "edge.yml.j2"))
    assert all("priority" in router for router in fragment["http"]["routers"].values())


def test_the_redirect_loses_against_challenges() -> None:
    fragment = yaml.safe_load(render("traefik", "edge.yml.j2"))
    assert fragment["http"]["routers"]["redirect-to-https"]["priority"] == 1


def test_the_answers_hold_the_thumbprint() -> None:
    text = render("certificates", "answers.cfg.j2", __certificates_thumbprint="THUMB")
    assert 'lf-string "%[path,field(4,/)].THUMB" if token' in text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/version", True),
        ("/v1.44/services", True),
        ("/v1.44/tasks", True),
        ("/networks", True),
        ("/v1.44/nodes/abc123", True),
        ("/_ping", True),
        ("/v1.44/nodes", False),
        ("/v1.44/services/abc", False),
        ("/secrets", False),
        ("/v1.44/configs", False),
        ("/v1.44/nodes/../secrets", False),
        ("/x/v1.44/services", False),
        ("/v1.44/services\n/secrets", False),
    ],
)
def test_what_the_socket_proxy_lets_through(path: str, allowed: bool) -> None:
    text = pathlib.Path(ROOT, "roles/traefik/files/socket-proxy.cfg").read_text()
    match = re.search(r"-m reg (\S+)$", text, re.MULTILINE)
    assert match
    assert bool(re.search(match[1], path)) is allowed
    assert "deny deny_status 403 unless read allowed" in text


def test_a_poll_of_the_swarm_is_late_rather_than_partial() -> None:
    """The proxy holds a request while there is no leader; Traefik gives up only a proxy that is dead."""
    text = pathlib.Path(ROOT, "roles/traefik/files/socket-proxy.cfg").read_text()
    patient = text.partition("\nbackend patient\n")[2].partition("\n\n")[0]
    assert "    retry-on all-retryable-errors\n" in patient
    swarm = yaml.safe_load(render("traefik", "traefik.yml.j2"))["providers"]["swarm"]
    assert swarm["httpClientTimeout"] == "30s"


@pytest.mark.parametrize("name", ["socket-proxy.cfg", "start.sh", "writer.sh"])
def test_files_end_with_a_newline(name: str) -> None:
    """HAProxy refuses one that does not; the lookup must keep it."""
    assert pathlib.Path(ROOT, "roles/traefik/files", name).read_text().endswith("\n")
    assert f"'{name}', rstrip=false" in pathlib.Path(ROOT, "roles/traefik/vars/main.yml").read_text()
