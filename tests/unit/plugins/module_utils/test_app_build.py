# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images an application builds, from what, and when they must be built again."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from ansible_collections.seaworthy.swarm.plugins.module_utils._app_build import Build, Ignore, builds, image_name
from ansible_collections.seaworthy.swarm.plugins.module_utils._errors import InputError


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("print(1)\n")
    (tmp_path / "node_modules" / "left").mkdir(parents=True)
    (tmp_path / "node_modules" / "left" / "pad.js").write_text("pad\n")
    (tmp_path / "link").symlink_to("src/main.py")
    (tmp_path / ".dockerignore").write_text("node_modules\n.dockerignore\nDockerfile\n")
    return tmp_path


def test_ignored_files_stay_out_but_the_dockerfile_is_needed(context: Path) -> None:
    assert list(Build("web", context).files()) == [".dockerignore", "Dockerfile", "link", "src/main.py"]


def test_the_archive_holds_those_files_and_no_owner(context: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(Build("web", context).archive())) as tar:
        assert tar.getnames() == [".dockerignore", "Dockerfile", "link", "src/main.py"]
        assert {member.uid for member in tar} == {0}
        assert tar.getmember("link").linkname == "src/main.py"


def test_the_digest_follows_what_decides_the_image(context: Path) -> None:
    first = Build("web", context).digest()
    assert Build("api", context).digest() == first
    assert Build("web", context, args={"A": "1"}).digest() != first
    assert Build("web", context, target="run").digest() != first
    (context / "node_modules" / "left" / "pad.js").write_text("other\n")
    assert Build("web", context).digest() == first
    (context / "src" / "main.py").write_text("print(2)\n")
    changed = Build("web", context).digest()
    assert changed != first
    (context / "src" / "main.py").chmod(0o755)
    assert Build("web", context).digest() != changed


@pytest.mark.parametrize(
    ("lines", "path", "left_out"),
    [
        (["node_modules"], "node_modules/a/b.js", True),
        (["node_modules"], "web/node_modules/a.js", False),
        (["**/node_modules"], "web/node_modules/a.js", True),
        (["**/node_modules"], "node_modules", True),
        (["*.log"], "a.log", True),
        (["*.log"], "logs/a.log", False),
        (["**/*.log"], "logs/deep/a.log", True),
        (["/build/"], "build/x", True),
        (["docs/**"], "docs/a/b", True),
        (["*", "!src"], "src/main.py", False),
        (["*", "!src"], "other.py", True),
        (["*.md", "!README.md"], "README.md", False),
        (["!README.md", "*.md"], "README.md", True),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[ab].txt"], "b.txt", True),
        (["# *", "", "  "], "x", False),
        (["file.name"], "fileXname", False),
    ],
)
def test_dockerignore(lines: list[str], path: str, left_out: bool) -> None:
    assert Ignore(lines).matches(path) is left_out


def test_a_folder_is_skipped_only_when_nothing_in_it_can_be_wanted() -> None:
    assert Ignore(["node_modules"]).prunes("node_modules")
    assert not Ignore(["*", "!src/keep"]).prunes("src")


def test_only_services_with_a_build_section_are_ours(context: Path) -> None:
    model = {
        "services": {
            "web": {"build": {"context": str(context), "dockerfile": "Dockerfile", "args": {"A": "1", "B": None}}},
            "db": {"image": "postgres:17"},
        }
    }
    [build] = builds(model)
    assert (build.service, build.context, dict(build.args)) == ("web", context, {"A": "1"})


def test_a_service_of_a_profile_is_built_when_the_profile_is_on(context: Path) -> None:
    model = {"services": {"seed": {"build": {"context": str(context)}, "profiles": ["tools", "dev"]}}}
    assert builds(model) == []
    assert [build.service for build in builds(model, ["dev"])] == ["seed"]


def test_keys_of_build_become_options(context: Path) -> None:
    build = {
        "context": str(context),
        "args": {"PRICE": "5$$"},
        "labels": {"a": "b"},
        "network": "none",
        "extra_hosts": ["db=192.0.2.1"],
        "shm_size": "67108864",
        "cache_from": ["type=registry,ref=x"],
        "platforms": ["linux/amd64"],
        "no_cache": True,
        "pull": False,
    }
    [found] = builds({"services": {"web": {"build": build}}})
    assert found.args == {"PRICE": "5$"}
    assert found.options == (
        "--no-cache",
        "--network=none",
        "--shm-size=67108864",
        "--cache-from=type=registry,ref=x",
        "--add-host=db:192.0.2.1",
        "--label=a=b",
    )
    [plain] = builds({"services": {"web": {"build": {"context": str(context), "args": {"PRICE": "5$$"}}}}})
    assert found.digest() != plain.digest()


def test_an_inline_dockerfile_travels_with_the_context(context: Path) -> None:
    build = {"context": str(context), "dockerfile_inline": "FROM x\nRUN echo $$HOME\n"}
    [found] = builds({"services": {"web": {"build": build}}})
    with tarfile.open(fileobj=io.BytesIO(found.archive())) as tar:
        member = tar.extractfile(found.dockerfile)
        assert member
        assert member.read() == b"FROM x\nRUN echo $HOME\n"
    build["dockerfile_inline"] += "RUN true\n"
    assert builds({"services": {"web": {"build": build}}})[0].digest() != found.digest()


def test_another_platform_is_refused(context: Path) -> None:
    build = {"context": str(context), "platforms": ["linux/amd64", "linux/arm64"]}
    with pytest.raises(InputError, match=r"hosts are linux/amd64\. found: linux/arm64"):
        builds({"services": {"web": {"build": build}}})


def test_a_key_of_build_that_is_not_taken_is_refused_by_name(context: Path) -> None:
    model = {"services": {"web": {"build": {"context": str(context), "ssh": ["default"]}}}}
    with pytest.raises(InputError, match=r"service web: build has keys .*ssh"):
        builds(model)


def test_a_missing_dockerfile_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"service web: there is no Dockerfile.*services\.web\.build"):
        builds({"services": {"web": {"build": {"context": str(tmp_path)}}}})


def test_the_name_of_an_image() -> None:
    assert image_name("registry.example.com:5000", "shop", "api", "1.4.2") == "registry.example.com:5000/shop/api:1.4.2"
