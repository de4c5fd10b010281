# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop as its customers get it: over HTTPS through each edge, IPv4 and IPv6, asked from outside (profile core)."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from dataclasses import dataclass

import pytest

from tests.system.lab import Lab
from tests.system.load import CA_FILE, Load, addresses, plan, put
from tests.system.loadgen import Stream
from tests.system.proof import Prove

pytestmark = pytest.mark.smoke

HOST = "shop.lab.test"
ADDRESSES = [*addresses("private_ip").values(), *addresses("private_ip6").values()]
PAGE = re.compile(r'data-web-release="([^"]*)" data-api-release="([^"]*)"')
SHIPPED_SECONDS = 15


@dataclass
class Answer:
    """What curl saw."""

    status: int
    protocol: str
    headers: dict[str, str]
    body: str


class Customer:
    """curl on harbour, which trusts the lab's certificate authority and nothing else."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        put(lab, "harbour", CA_FILE, (lab.state / "pebble-root.pem").read_text())

    def get(self, address: str, url: str, *words: str) -> Answer:
        port = 443 if url.startswith("https") else 80
        target = f"[{address}]" if ":" in address else address
        common = ("--silent", "--show-error", "--max-time", "15", "--cacert", CA_FILE, "--dump-header", "-")
        at = ("--resolve", f"{HOST}:{port}:{target}")
        output = self.lab.harbour("curl", *common, *at, *words, url).require_success().output.replace("\r\n", "\n")
        head, _, body = output.partition("\n\n")
        first, *lines = head.split("\n")
        protocol, status = first.split()[:2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Answer(int(status), protocol, headers, body)

    def certificate(self, address: str) -> str:
        """The certificate's serial number, after the chain and the name were verified."""
        code = (
            "import socket, ssl, sys\n"
            "context = ssl.create_default_context(cafile=sys.argv[1])\n"
            "plain = socket.create_connection((sys.argv[2], 443), 10)\n"
            "print(context.wrap_socket(plain, server_hostname=sys.argv[3]).getpeercert()['serialNumber'])\n"
        )
        words = ("python3", "-c", code, CA_FILE, address, HOST)
        return self.lab.harbour(*words).require_success().output.strip()


@pytest.fixture(scope="module")
def customer(lab: Lab) -> Customer:
    return Customer(lab)


@pytest.mark.parametrize("address", ADDRESSES)
def test_page(customer: Customer, address: str) -> None:
    """200 over HTTP/2 with a verified chain, HSTS, and one release in page and header."""
    answer = customer.get(address, f"https://{HOST}/", "--http2")
    assert (answer.status, answer.protocol) == (200, "HTTP/2")
    assert "max-age=" in answer.headers["strict-transport-security"]
    found = PAGE.search(answer.body)
    assert found
    assert found[1] == found[2] == answer.headers["x-release"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_redirect(customer: Customer, address: str) -> None:
    """Plain HTTP leads to the same place over HTTPS."""
    answer = customer.get(address, f"http://{HOST}/some/where?x=1")
    assert answer.status in {301, 308}
    assert answer.headers["location"] == f"https://{HOST}/some/where?x=1"


@pytest.mark.parametrize("address", addresses("private_ip").values())
@pytest.mark.parametrize("encoding", ["zstd", "br", "gzip"])
def test_compression(customer: Customer, address: str, encoding: str) -> None:
    """Each encoding that a browser may ask for."""
    words = ("--header", f"Accept-Encoding: {encoding}", "--output", "/dev/null")
    answer = customer.get(address, f"https://{HOST}/", *words)
    assert answer.headers["content-encoding"] == encoding


def test_one_certificate_everywhere(customer: Customer) -> None:
    """Every edge serves the same certificate, over IPv4 and IPv6."""
    assert len({customer.certificate(address) for address in ADDRESSES}) == 1


@pytest.mark.parametrize("address", ADDRESSES)
def test_order_is_shipped(customer: Customer, address: str) -> None:
    """An order placed through one edge goes through the worker and is then seen through every edge."""
    words = ("--json", '{"product": "bell", "quantity": 2}')
    placed = customer.get(address, f"https://{HOST}/api/orders", *words)
    assert placed.status == 201
    order = json.loads(placed.body)["order"]
    end = time.monotonic() + SHIPPED_SECONDS
    for edge in ADDRESSES:
        while True:
            found = json.loads(customer.get(edge, f"https://{HOST}/api/orders/{order['id']}").body)["order"]
            if found["status"] == "shipped":
                break
            assert time.monotonic() < end, f"order {order['id']} is {found['status']} after {SHIPPED_SECONDS} s"
            time.sleep(0.5)


def test_websockets_live_and_the_claim(lab: Lab, customer: Customer, prove: Prove) -> None:
    """Six WebSockets through six addresses live through ten seconds of light load; then the whole row is proved."""
    pages = (Stream("page", "/", 5, check="page"),)
    edges = addresses("private_ip") | {f"{name} (IPv6)": one for name, one in addresses("private_ip6").items()}
    whole = plan(HOST, pages, "/api/feed", max_seconds=60)
    with Load(lab, dataclasses.replace(whole, edges=edges, websockets=6, min_requests=50), "served-load") as load:
        pass
    result = load.result
    assert result["failed"] == 0, result["samples"]
    assert result["mixed"] == 0
    assert result["websockets"]["closed"] == []
    assert result["websockets"]["alive_at_end"] == 6
    seen = f"{len(ADDRESSES)} addresses; {result['sent']} pages, {result['failed']} failed"
    prove("served", seen, {"addresses": ADDRESSES, "certificate": customer.certificate(ADDRESSES[0]), "load": result})
