"""One running Ask0 for the SDKs of servers and of browsers; what each test sends goes by a name of its own."""

from collections.abc import Iterator

import pytest

from bench.stack import Stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("data")) as running:
        yield running
