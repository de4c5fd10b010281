# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check an inventory before any host is touched. Documentation: plugins/modules/preflight.py."""

from __future__ import annotations

import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils._estate import SETTING_NAMES, plan
from ..plugin_utils import _dependencies
from ..plugin_utils._preflight import Estate, Sources, problems

ROLES = pathlib.Path(__file__).parents[2] / "roles"
# What of the hosts is looked at by value; other variables only by name (values may need facts).
VALUES = (*SETTING_NAMES, "private_ip", "private_ip6", "public_ip", "public_ip6", "ansible_host")
# Networks that Docker makes on every host: inputs of the role swarm. Empty: there is none.
NETWORKS = ("swarm_address_pool", "swarm_gateway_subnet", "swarm_gateway_subnet6")


def role_inputs(roles: pathlib.Path) -> dict[str, list[str]]:
    """Of each role the inputs of all its entry points."""
    inputs: dict[str, list[str]] = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        entries = yaml.safe_load(path.read_text())["argument_specs"].values()
        inputs[path.parents[1].name] = sorted({name for entry in entries for name in entry.get("options", {})})
    return inputs


class ActionModule(ActionBase):
    """Runs on the controller only."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _unreadable: list[str]

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        variables = task_vars or {}
        result: dict[str, t.Any] = super().run(tmp, variables)
        self.validate_argument_spec({})
        if lacking := _dependencies.missing(lab="seaworthy_lab_name" in variables):
            raise AnsibleActionFail(f"{lacking}. No host was touched.")
        self._unreadable = []
        roles = role_inputs(ROLES)
        sources = Sources(dict.fromkeys(self._folders(variables)))
        estate = Estate(
            hosts={host: self._values(variables["hostvars"][host], roles) for host in variables["hostvars"]},
            groups={name: hosts for name, hosts in variables["groups"].items() if name not in ("all", "ungrouped")},
            roles=roles,
            networks=self._networks(variables),
            where=sources,
        )
        found = self._unreadable + problems(estate) + self._pipelining(variables)
        if found:
            count = f"{len(found)} problem{'s' if len(found) > 1 else ''}"
            lines = "\n".join(f"- {line}" for line in found)
            raise AnsibleActionFail(
                f"{count} in the inventory; no host was touched:\n{lines}", result={"problems": found}
            )
        groups_of = {host: tuple(g for g, hosts in estate.groups.items() if host in hosts) for host in estate.hosts}
        plans = {host: plan(groups) for host, groups in groups_of.items() if plan(groups)}
        return result | {"changed": False, "problems": [], "plan": plans}

    def _values(self, variables: t.Mapping[str, t.Any], roles: t.Mapping[str, list[str]]) -> dict[str, t.Any]:
        """All names of a host; the values of those that are looked at, templated."""
        groups = {name for inputs in roles.values() for name in inputs if name.endswith(("_group", "_groups"))}
        values: dict[str, t.Any] = dict.fromkeys(variables)
        for name in values.keys() & {*VALUES, *groups}:
            try:
                values[name] = variables[name]
            except AnsibleError as error:
                line = f"{name} cannot be read: {error}"
                if line not in self._unreadable:
                    self._unreadable.append(line)
        return values

    def _networks(self, variables: t.Mapping[str, t.Any]) -> dict[str, str]:
        """As the inventory has them, else as the role does."""
        networks = yaml.safe_load((ROLES / "swarm" / "defaults" / "main.yml").read_text())
        for host in variables["hostvars"]:
            given = variables["hostvars"][host]
            networks |= {name: given[name] for name in NETWORKS if name in given}
        return {name: str(networks[name]) for name in NETWORKS if networks[name]}

    def _folders(self, variables: t.Mapping[str, t.Any]) -> t.Iterator[pathlib.Path]:
        """Where variables of hosts may be defined: in the inventory, and beside the playbook."""
        for host in variables["hostvars"]:
            of_host = variables["hostvars"][host]
            if of_host.get("inventory_dir"):
                source = pathlib.Path(of_host["inventory_file"])
                folder = pathlib.Path(of_host["inventory_dir"])
                yield from (source, folder / "group_vars", folder / "host_vars")
        for name in ("group_vars", "host_vars"):
            yield pathlib.Path(variables["playbook_dir"]) / name

    def _pipelining(self, variables: t.Mapping[str, t.Any]) -> list[str]:
        value = variables.get("ansible_pipelining")
        if str(value).lower() in ("true", "yes", "1", "on"):
            return []
        text = "ansible_pipelining is off: without it Ansible writes arguments, secrets too, into files on the hosts"
        return [f"{text}. Do not set it; the playbooks of this collection do"]
