"""The package as it is installed: beside the server, with its types, and with httpx as its one dependency."""

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import ask0_sdk
import pytest

from tests.sdk.python.conftest import SDK

pytestmark = pytest.mark.apart


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing of the build stays in the tree."""
    copy, out = tmp_path_factory.mktemp("copy") / "sdk", tmp_path_factory.mktemp("wheel")
    shutil.copytree(SDK, copy, ignore=shutil.ignore_patterns("__pycache__", ".mypy_cache", ".ruff_cache"))
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel", "--no-deps"]
    done = subprocess.run(
        [*command, "--no-build-isolation", "--wheel-dir", str(out), str(copy)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_its_types_alone(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {f"ask0_sdk/{path.name}" for path in (SDK / "ask0_sdk").glob("*.py")}
    assert {name for name in names if ".dist-info/" not in name} == modules | {"ask0_sdk/py.typed"}


def test_it_works_from_the_wheel_and_hides_nothing_of_the_server(wheel: Path) -> None:
    program = "import ask0, ask0_sdk; print(ask0.__file__ != ask0_sdk.__file__, ask0_sdk.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": str(wheel)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"True {ask0_sdk.__version__}\n"


def test_it_needs_httpx_and_the_standard_library() -> None:
    imported: set[str] = set()
    for path in (SDK / "ask0_sdk").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names == {"ask0_sdk", "httpx"}


def test_version_and_names_are_said_once() -> None:
    project = tomllib.loads((SDK / "pyproject.toml").read_text())["project"]
    assert project["version"] == ask0_sdk.__version__
    assert all(hasattr(ask0_sdk, name) for name in ask0_sdk.__all__)
