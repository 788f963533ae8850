"""One running server for the tests that only need one."""

from collections.abc import Iterator

import pytest

from tests.cli.processes import Server


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("cli") / "data") as server:
        yield server
