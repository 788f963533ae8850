"""The homes of the log: a test that takes `home` runs on each of them."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.eventlog.homes import Home
from tests.kafka_broker import kafka_broker, make_topic


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    with kafka_broker() as broker:
        yield broker.bootstrap


@pytest.fixture
def sqlite_home(tmp_path: Path) -> Home:
    (tmp_path / "file").touch()
    return Home(f"sqlite://{tmp_path}/log/log.sqlite3", f"sqlite://{tmp_path}/file/log.sqlite3")


@pytest.fixture
def busy_sqlite_home(sqlite_home: Home) -> Home:
    """Whose appends are committed in a process of their own."""
    return replace(sqlite_home, busy=True)


@pytest.fixture
def kafka_home(kafka_bootstrap: str) -> Iterator[Home]:
    topic = f"events-{uuid4()}"
    make_topic(kafka_bootstrap, topic, 3)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and not listening
        yield Home(f"kafka://{kafka_bootstrap}/{topic}", f"kafka://127.0.0.1:{nobody.getsockname()[1]}/{topic}")


@pytest.fixture(params=["sqlite", "kafka"])
def home(request: pytest.FixtureRequest) -> Home:
    home: Home = request.getfixturevalue(f"{request.param}_home")
    return home
