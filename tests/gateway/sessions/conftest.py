"""A gateway that believes its proxy, so that each person has an address."""

from collections.abc import Iterator

import pytest

from ask0.warehouse.connect import Warehouse
from tests.gateway.running import Running, running, working


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("sessions")
    with running(folder, clickhouse, trusted_proxies="127.0.0.1") as gateway, working(gateway, clickhouse):
        yield gateway
