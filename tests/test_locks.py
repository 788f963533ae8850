"""The lock files hold what pyproject.toml asks for, with hashes, and nothing that names a registry."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PACKAGES = ("widget", "sdk/node", "tests/sdks/node", "tests/oidc", "tests/clickhouse_http/node")
PINNED = re.compile(
    r"^([A-Za-z0-9._-]+)==(\S+)(?: ;[^\\\n]*)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", re.MULTILINE
)


def pins(name: str) -> dict[str, set[str]]:
    """Package → versions; more than one where they differ by Python version."""
    found: dict[str, set[str]] = {}
    for match in PINNED.finditer((ROOT / name).read_text()):
        found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


def asked(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("name", "extras"), [("requirements.lock", ("build",)), ("requirements-dev.lock", ("build", "dev"))]
)
def test_a_lock_file_satisfies_every_dependency(name: str, extras: tuple[str, ...]) -> None:
    locked = pins(name)
    for requirement in asked(*extras):
        versions = locked.get(canonicalize_name(requirement.name))
        assert versions, f"{requirement.name} is not in {name}: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement} against {versions}"


def test_the_dev_lock_holds_the_runtime_lock() -> None:
    dev = pins("requirements-dev.lock")
    assert {name: dev.get(name) for name in pins("requirements.lock")} == pins("requirements.lock")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "tests/sdks/segment-2.3.4.lock"])
def test_every_line_of_a_lock_file_is_a_pin_with_hashes(name: str) -> None:
    rest = PINNED.sub("", (ROOT / name).read_text())
    assert [line for line in rest.splitlines() if line and not line.lstrip().startswith("#")] == []
    assert "://" not in rest


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_package_lock_pins_every_package_by_hash_and_names_no_registry(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    asked = json.loads((ROOT / folder / "package.json").read_text())
    assert lock[""].get("dependencies") == asked.get("dependencies")
    assert lock[""].get("devDependencies") == asked.get("devDependencies")
    packages = {path: package for path, package in lock.items() if path}
    assert [path for path, package in packages.items() if "integrity" not in package or "resolved" in package] == []


@pytest.mark.parametrize("folder", PACKAGES)
def test_a_package_lock_holds_what_its_packages_ask_for(folder: str) -> None:
    """Also for other platforms: npm leaves out an optional package its registry has not, and npm ci then refuses."""
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    names = {path.rpartition("node_modules/")[2] for path in lock}
    kinds = ("dependencies", "optionalDependencies")
    assert {name for package in lock.values() for kind in kinds for name in package.get(kind, {})} <= names
