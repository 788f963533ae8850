"""A DSN finds its home."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from ask0.eventlog.open import open_log, open_reader
from tests.eventlog.homes import started

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("dsn", ["sqlite://relative", "sqlite://", "postgres://host/log", "kafka://host:9092"])
def test_a_dsn_of_no_log_is_refused(dsn: str) -> None:
    with pytest.raises(ValueError, match="log is"):
        open_log(dsn, group="g")
    with pytest.raises(ValueError, match="log is"):
        open_reader(dsn, group="ask0-test")


def test_a_path_with_signs_of_a_url_stays_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "50% off? #1"

    async def use() -> None:
        async with started(open_log(f"sqlite://{odd}/log.sqlite3", group="g")) as log:
            await log.check()

    asyncio.run(use())
    assert (odd / "log.sqlite3").exists()


def test_who_uses_sqlite_does_not_load_aiokafka() -> None:
    use = "from ask0.eventlog.open import open_log; open_log('sqlite:///a', group='g')"
    subprocess.run(
        [sys.executable, "-c", f"import sys; {use}; sys.exit('aiokafka' in sys.modules)"], cwd=ROOT, check=True
    )
