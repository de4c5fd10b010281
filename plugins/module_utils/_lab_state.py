# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that give the lab's hosts their identity: SSH keys, who may log in, names and addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import _process
from ._errors import SeaworthyError

HOST_KEY = "ssh_host_ed25519_key"
LOCAL_NAMES = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


@dataclass(frozen=True)
class Host:
    """A host of the lab."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """What the state directory of a lab holds for its hosts."""

    folder: Path
    hosts: Sequence[Host]
    names: Mapping[str, Sequence[str]]
    nameserver: str
    domain: str

    @property
    def user_key(self) -> Path:
        """The key that the controller logs in with."""
        return self.folder / "ssh" / "id_ed25519"

    def keys(self) -> dict[Path, str]:
        """All private keys with their comments."""
        return {self.user_key: "seaworthy lab"} | {
            self.folder / "hosts" / host.name / HOST_KEY: f"{host.name}.{self.domain}" for host in self.hosts
        }

    def missing_keys(self) -> dict[Path, str]:
        """The private keys that have to be made."""
        return {path: comment for path, comment in self.keys().items() if not path.exists()}

    def derived(self) -> dict[Path, str]:
        """Every other file, with its content; needs the keys."""
        public = {host.name: _public(self.folder / "hosts" / host.name / HOST_KEY) for host in self.hosts}
        found = {
            self.folder / "ssh" / "known_hosts": "".join(self._known(host, public[host.name]) for host in self.hosts)
        }
        for host in self.hosts:
            folder = self.folder / "hosts" / host.name
            found[folder / "authorized_keys"] = _public(self.user_key)
            found[folder / "hosts"] = self._hosts_file(host)
            found[folder / "resolv.conf"] = self._resolver()
        return found

    def _known(self, host: Host, key: str) -> str:
        kind, data = key.split()[:2]
        names = (host.name, f"{host.name}.{self.domain}", *host.addresses)
        return f"{','.join(names)} {kind} {data}\n"

    def _hosts_file(self, me: Host) -> str:
        lines = [
            f"{address} {host.name}.{self.domain} {host.name}\n"
            for host in sorted(self.hosts, key=lambda host: host != me)
            for address in host.addresses
        ]
        lines += [f"{address} {name}\n" for name, addresses in sorted(self.names.items()) for address in addresses]
        return LOCAL_NAMES + "".join(lines)

    def _resolver(self) -> str:
        server = f"nameserver {self.nameserver}\n" if self.nameserver else ""
        # No search domain: with the wildcard of the lab's domain every wrong name would lead to the edges.
        return f"{server}options timeout:2 attempts:2\n"


def make_key(path: Path, comment: str) -> None:
    """Make an Ed25519 key pair."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    done = _process.run(argv)
    if done.returncode:
        raise SeaworthyError(
            f"no SSH key could be made at {path}",
            found=done.stderr.strip(),
            expected="ssh-keygen ends with exit code 0",
            remedy="apt-get install openssh-client",
        )


def write(path: Path, content: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(content)


def differs(path: Path, content: str) -> bool:
    """Whether a file lacks, or holds something else."""
    return not path.is_file() or path.read_text() != content


def _public(key: Path) -> str:
    return key.with_name(key.name + ".pub").read_text()
