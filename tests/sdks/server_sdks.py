"""The server-side SDKs of others as their registries have them, each run in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import NamedTuple

from bench.stack import WRITE_KEY

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node" / "node_modules"
OLD_SEGMENT = Path(sys.prefix) / "sdks" / "segment-2.3.4"
PYTHON = (sys.executable, str(HERE / "python_calls.py"))
SEGMENT, RUDDER = "segment.analytics.client", "rudderstack.analytics.client"


class Sdk(NamedTuple):
    """How to run one, and what it says of itself in `context.library`."""

    command: tuple[str, ...]
    library: tuple[str, str]
    python_path: str = ""
    keeps_retry_after: bool = True


# Two of them never look at Retry-After: they try eleven times, and wait a random part of 1 s, 2 s, 4 s … between. So it
# is shown that they lose nothing to a 429, and not that they wait for as long as it says.
SDKS = {
    "segment-analytics-python 2.4.0": Sdk((*PYTHON, SEGMENT), ("analytics-python", "2.4.0")),
    "segment-analytics-python 2.3.4": Sdk(
        (*PYTHON, SEGMENT), ("analytics-python", "2.3.4"), str(OLD_SEGMENT), keeps_retry_after=False
    ),
    "rudder-sdk-python 2.1.9": Sdk((*PYTHON, RUDDER), ("analytics-python", "2.1.9"), keeps_retry_after=False),
    "@segment/analytics-node 3.1.0": Sdk(
        ("node", str(HERE / "node" / "segment.mjs")), ("@segment/analytics-node", "3.1.0")
    ),
    "@rudderstack/rudder-sdk-node 3.0.13": Sdk(
        ("node", str(HERE / "node" / "rudder.mjs")), ("analytics-node", "3.0.13")
    ),
}


@contextmanager
def calling(sdk: Sdk, host: str, run: str, tracks: int) -> Iterator[None]:
    """The SDK makes its calls while the block runs; at its end it must have delivered everything, by its own word."""
    assert all(folder.exists() for folder in (OLD_SEGMENT, NODE_MODULES)), "the SDKs are not installed: make sdks"
    with subprocess.Popen(
        [*sdk.command, host, WRITE_KEY, run, str(tracks)],
        env={**environ, "PYTHONPATH": sdk.python_path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield
            said, _ = process.communicate(timeout=120)
        except BaseException:
            process.kill()
            raise
    assert process.returncode == 0, said
