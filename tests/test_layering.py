"""schemas ← eventlog, warehouse ← gateway | consumers ← cli: nothing imports against the arrows."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "schemas": set(),
    "eventlog": {"schemas"},
    "warehouse": {"schemas"},
    "gateway": {"schemas", "eventlog", "warehouse"},
    "consumers": {"schemas", "eventlog", "warehouse"},
    "cli": {"schemas", "eventlog", "warehouse", "gateway", "consumers"},
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        above = (imported(path) & {*MAY_IMPORT, "tests", "bench"}) - MAY_IMPORT[package] - {package}
        assert not above, f"{path.relative_to(ROOT)} imports {above}"


def test_schemas_do_no_input_or_output() -> None:
    for path in (ROOT / "schemas").rglob("*.py"):
        assert not imported(path) & {"os", "time", "random", "socket", "asyncio", "httpx", "sqlite3"}, path.name


def test_every_library_is_a_declared_dependency() -> None:
    """One that only another library brings along would go when that one no longer needs it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    distributions = packages_distributions()
    for path in (path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py")):
        for name in imported(path) - {*MAY_IMPORT} - sys.stdlib_module_names:
            owners = {canonicalize_name(owner) for owner in distributions[name]}
            assert owners & declared, f"{path.relative_to(ROOT)} imports {name}"
