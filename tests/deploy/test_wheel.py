"""The wheel installs one package, works without the tree, and has the widget's files inside."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bench.stack import wait_for

ROOT = Path(__file__).parents[2]
ROOMS = [path.name for path in (ROOT / "ask0").iterdir() if path.is_symlink()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what the image's build copies, so that nothing of the build stays in the tree."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in ("ask0", *ROOMS):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(copy))
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an environment that has the locked libraries and the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip("--python", str(python), "install", "--require-hashes", "-r", str(ROOT / "requirements.lock"))
    pip("--python", str(python), "install", "--no-deps", str(wheel))
    return python


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@contextmanager
def serving(python: Path, folder: Path) -> Iterator[str]:
    """The address of an `ask0 serve` that knows nothing of the tree."""
    environ = {"ASK0_DATA_DIR": str(folder / "data"), "ASK0_PORT": "0", "ASK0_CLICKHOUSE_HTTP_PORT": "0"}
    note = folder / "data" / "serve.json"
    with open(folder / "out", "wb") as out:
        process = subprocess.Popen(
            [python.parent / "ask0", "serve"], cwd=folder, env=environ, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        wait_for(lambda: note.exists() or process.poll() is not None, "the server to start", timeout=60)
        assert process.poll() is None, (folder / "out").read_text()
        yield json.loads(note.read_text())["url"]
    finally:
        process.terminate()
        process.wait(30)


def test_nothing_but_ask0_lies_at_the_top_level(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ask0"}
    assert "ask0/schemas/clickhouse/0001_events.sql" in names
    assert "ask0/gateway/static/manifest.json" in names


def test_it_serves_its_demo_page_without_the_tree(python: Path, tmp_path: Path) -> None:
    with serving(python, tmp_path) as url:
        page = httpx.get(f"{url}/demo")
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        scripts = re.findall(r'src="([^"]+\.js[^"]*)"', page.text)
        assert httpx.get(f"{url}/ask0.js").status_code == 200
        assert all(httpx.get(httpx.URL(url).join(script)).status_code == 200 for script in scripts)
        console = httpx.get(f"{url}/console/")
        assert console.status_code == 200
        files = re.findall(r'(?:src|href)="(/console/assets/[^"]+)"', console.text)
        assert files
        assert all(httpx.get(f"{url}{file}").status_code == 200 for file in files)
