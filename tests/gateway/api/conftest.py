"""The API does not go by the lane: one gateway for each file of tests."""

from collections.abc import Iterator

import pytest

from ask0.warehouse.connect import Warehouse
from tests.gateway.running import Running, running


@pytest.fixture(scope="module")
def shared(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("api"), clickhouse) as gateway:
        yield gateway
