# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign the request of a host with the internal CA. Documentation: plugins/modules/internal_certificate.py."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._errors import SeaworthyError
from ..plugin_utils._pki import Authority, Names, choose, describe, parse_request

MODULE = "seaworthy.swarm.internal_certificate"
Result = dict[str, t.Any]


class ActionModule(ActionBase):
    """Key and request on the host, signature here, certificate on the host."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            argument_spec={
                "name": {"type": "str", "required": True},
                "folder": {"type": "path", "default": "/etc/seaworthy/pki"},
                "dns": {"type": "list", "elements": "str", "default": []},
                "addresses": {"type": "list", "elements": "str", "default": []},
                "authority": {"type": "str", "required": True, "no_log": True},
                "days": {"type": "int", "default": 90},
            }
        )
        names = Names(choose(options["dns"]), choose(options["addresses"]))
        try:
            return self._ensure(options, names, Authority.parse(options["authority"]), task_vars or {})
        except SeaworthyError as error:
            raise AnsibleActionFail(str(error)) from None

    def _ensure(self, options: Result, names: Names, authority: Authority, task_vars: Result) -> Result:
        place = {"name": options["name"], "folder": options["folder"]}
        found: Result = self._execute_module(module_name=MODULE, module_args=place, task_vars=task_vars)
        if found.get("failed"):
            return found
        request, now = parse_request(found["request"]), datetime.datetime.now(datetime.UTC)
        reason = authority.why_new(found["certificate"], request, names, now)
        certificate = found["certificate"]
        if reason and request:
            certificate = authority.sign(request, names, options["days"], now)
        if not reason and found["trusted"] == authority.trusted:
            return {"changed": found["changed"], "reason": ""}
        if not self._task.check_mode:
            install = {"certificate": certificate, "trusted": authority.trusted}
            written: Result = self._execute_module(
                module_name=MODULE, module_args={**place, "install": install}, task_vars=task_vars
            )
            if written.get("failed"):
                return written
        return {"changed": True, "reason": reason or "the CAs to trust differ", "diff": self._diff(found, certificate)}

    @staticmethod
    def _diff(found: Result, certificate: str) -> Result:
        return {"before": describe(found["certificate"]), "after": describe(certificate) or "a new certificate\n"}
