"""Nothing is handed out of one user who is erased, and what was begun breaks off. All ids begin with exe-."""

import os
from collections.abc import Iterator

import httpx
import pytest

from ask0.warehouse.connect import Warehouse
from tests.gateway.api.exported import call, erase, reading_slowly
from tests.gateway.api.rows import HOUR, NOON, act, of_user, store, user
from tests.gateway.running import Running, running, working

FORMATS = ("json", "csv")


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("exports-of-erased"), clickhouse) as gateway, working(gateway, clickhouse):
        yield gateway


@pytest.mark.parametrize("format", FORMATS)
def test_who_is_erased_is_unknown_also_where_a_row_is_there_again(
    gateway: Running, clickhouse: Warehouse, format: str
) -> None:
    id, other = f"exe-gone-{format}", f"exe-other-{format}"
    user(clickhouse, id)
    user(clickhouse, other)
    erase(gateway, id)
    user(clickhouse, id)  # as a backup would have it
    answer = of_user(gateway, id, "export", format=format)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")
    assert of_user(gateway, other, "export", format=format).status_code == 200
    assert call(gateway, "POST", f"/suppressions/{id}/lift").status_code == 200
    assert of_user(gateway, id, "export", format=format).status_code == 200


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_breaks_off_when_its_user_is_erased(gateway: Running, clickhouse: Warehouse, format: str) -> None:
    id = f"exe-during-{format}"
    user(clickhouse, id)
    large = [act("Large", NOON + n * HOUR, id, properties={"text": os.urandom(9_000).hex()}) for n in range(800)]
    store(clickhouse, "events", large)
    with reading_slowly(gateway, f"/v1/projects/-/users/{id}/export?format={format}") as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw()
        next(pieces)
        erase(gateway, id)
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
