"""schemas ← eventlog, warehouse ← catalog, clickhouse_http ← gateway | consumers ← cli: nothing else is imported."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
BELOW = {
    "schemas": set(),
    "eventlog": {"schemas"},
    "warehouse": {"schemas"},
    "catalog": {"schemas", "eventlog", "warehouse"},
    "clickhouse_http": {"schemas", "warehouse"},
    "gateway": {"schemas", "eventlog", "warehouse", "catalog", "clickhouse_http"},
    "consumers": {"schemas", "eventlog", "warehouse", "catalog"},
    "cli": {"schemas", "eventlog", "warehouse", "catalog", "clickhouse_http", "gateway", "consumers"},
}


def imported(path: Path) -> set[str]:
    """Modules by their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def rooms(path: Path) -> set[str]:
    """Of this project that it imports."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("ask0.")}


def packages(path: Path) -> set[str]:
    """Of the top level that it imports."""
    return {name.partition(".")[0] for name in imported(path)}


@pytest.mark.parametrize("room", BELOW)
def test_a_room_imports_only_what_is_below_it(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        above = rooms(path) - BELOW[room] - {room}
        assert not above, f"{path.relative_to(ROOT)} imports {above}"


@pytest.mark.parametrize("room", BELOW)
def test_a_room_is_imported_as_a_part_of_the_package(room: str) -> None:
    """By its bare name it would be there twice, with two states."""
    for path in (ROOT / room).rglob("*.py"):
        bare = packages(path) & {*BELOW, "tests", "bench"}
        assert not bare, f"{path.relative_to(ROOT)} imports {bare}"


def test_every_room_is_linked_into_the_package() -> None:
    links = {path.name for path in (ROOT / "ask0").iterdir() if path.is_symlink()}
    assert links == BELOW.keys()


def test_clickhouse_http_knows_of_the_warehouse_its_errors_alone() -> None:
    for path in (ROOT / "clickhouse_http").rglob("*.py"):
        used = {name for name in imported(path) if name.startswith(("ask0.warehouse", "ask0.schemas"))}
        assert used <= {"ask0.warehouse.errors", "ask0.schemas.settings"}, path.name


def test_schemas_do_no_input_or_output() -> None:
    for path in (ROOT / "schemas").rglob("*.py"):
        assert not packages(path) & {"os", "time", "random", "socket", "asyncio", "httpx", "sqlite3"}, path.name


def test_every_library_is_a_declared_dependency() -> None:
    """One that only another library brings along would go when that one no longer needs it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    distributions = packages_distributions()
    for path in (path for room in BELOW for path in (ROOT / room).rglob("*.py")):
        for name in packages(path) - {"ask0"} - sys.stdlib_module_names:
            owners = {canonicalize_name(owner) for owner in distributions[name]}
            assert owners & declared, f"{path.relative_to(ROOT)} imports {name}"
