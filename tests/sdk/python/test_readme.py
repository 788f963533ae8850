"""The README's programs run as they stand there."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import ask0_sdk
import pytest

from tests.sdk.python.conftest import SDK
from tests.sdk.python.gateway_double import GatewayDouble

pytestmark = pytest.mark.apart

README = (SDK / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.split("\n\n")[0].split("\n")[-1] for program in PROGRAMS])
def test_a_program_of_the_readme_runs(program: str, double: GatewayDouble, tmp_path: Path) -> None:
    user = {"id": "user_42", "email": "ada@example.com", "plan": "pro", "traits": {"seats": 12}, "version": "1"}
    job = {"id": "job_1", "status": "done", "receipt": {"changed": 1}}
    double.answers = {**user, "users": [user], "next": None, "allowed": True, "job": job, "accepted": 1, "lines": []}
    program = program.replace("https://ask0.example.com", double.url).replace("sk_…", "sk_1")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(SDK), "ASK0_SECRET_KEY": "sk_1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_every_option_and_call_is_in_the_readme() -> None:
    options = set(inspect.signature(ask0_sdk.Ask0.__init__).parameters) - {"self"}
    client = ask0_sdk.Ask0("sk_1", "http://127.0.0.1:1")
    people = (client, client.users, client.segments, client.stages, client.audit, client.settings, client.jobs)
    calls = {
        name for part in (*people, client.insights, client.catalog) for name in dir(part) if not name.startswith("_")
    } - {"call"}
    missing = {name for name in options | calls if not re.search(rf"\b{name}\b", README)}
    assert not missing
