# Copyright: Seaworthy founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build an application's images on a builder host. Documentation: plugins/modules/app_build.py."""

from __future__ import annotations

import pathlib
import tempfile
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils import _app_build
from ..module_utils._errors import SeaworthyError

ARGUMENTS: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "model": {"type": "dict", "required": True},
    "profiles": {"type": "list", "elements": "str", "default": []},
    "registry": {"type": "str", "required": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "keep": {"type": "path"},
}


class ActionModule(ActionBase):
    """Packs the contexts on the controller; module app_image builds them on the host of the task."""

    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)[1]
        result.update(changed=False, images={}, diff=[])
        try:
            for build in _app_build.builds(arguments["model"], arguments["profiles"]):
                done = self._build(build, arguments, task_vars or {})
                if done.get("failed"):
                    for line in done.pop("build_log", []):
                        self._display.display(f"  {line}")
                    return {**done, "images": result["images"]}
                self._tell(done)
                result["changed"] |= done["changed"]
                result["images"][build.service] = {
                    key: done[key] for key in ("image", "digest", "changed") if key in done
                }
                result["diff"].append(done["diff"])
        except SeaworthyError as error:
            result.update(failed=True, msg=str(error), **error.result)
        return result

    def _build(
        self, build: _app_build.Build, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Ask first whether the image is needed: a context is packed and sent only then."""
        image = _app_build.image_name(arguments["registry"], arguments["name"], build.service, arguments["version"])
        wanted = {
            "image": image,
            "context_digest": build.digest(),
            "dockerfile": build.dockerfile,
            "args": dict(build.args),
            "target": build.target,
            "options": list(build.options),
            "username": arguments["username"],
            "password": arguments["password"],
            "keep": arguments["keep"],
        }
        done = self._image(wanted, task_vars)
        if done.get("failed") or not done["changed"] or self._task.check_mode:
            return done
        self._display.display(f"  building {image}")
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        with tempfile.NamedTemporaryFile(suffix=".tar.gz") as packed:
            pathlib.Path(packed.name).write_bytes(build.archive())
            archive = self._transfer_file(packed.name, f"{folder}/{build.service}.tar.gz")
            self._fixup_perms2((folder, archive))
        built = self._image({**wanted, "archive": archive}, task_vars)
        self._remove_tmp_path(folder)
        self._connection._shell.tmpdir = None
        return built

    def _tell(self, done: dict[str, t.Any]) -> None:
        """Name, digest, and whether it was built now."""
        what = "is there" if not done["changed"] else "would be built" if self._task.check_mode else "built"
        digest = f"@{done['digest']}" if "digest" in done and what != "would be built" else ""
        self._display.display(f"  {done['image']}{digest} ({what})")

    def _image(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        done: dict[str, t.Any] = self._execute_module(
            module_name="seaworthy.swarm.app_image", module_args=arguments, task_vars=task_vars
        )
        return done
