"""What keeps the segments, on a gateway's log."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry

from ask0.catalog.definitions import Definitions
from ask0.catalog.replica import Replica
from ask0.consumers.membership.loop import Membership
from ask0.eventlog.log import WORKERS
from ask0.eventlog.open import open_control, open_log
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import Running


@contextmanager
def keeping(gateway: Running, warehouse: Warehouse) -> Iterator[CollectorRegistry]:
    """Until the block ends. Gives what it tells Prometheus."""
    stop, registry = threading.Event(), CollectorRegistry()

    async def keep() -> None:
        replica = Replica(open_control(gateway.log_dsn))
        log = open_log(gateway.log_dsn, group=WORKERS)
        await replica.start()
        stopping = asyncio.Event()
        membership = Membership(log, warehouse, Definitions(replica), registry)
        running = asyncio.create_task(membership.run(lambda: True, stopping))
        await asyncio.to_thread(stop.wait)
        stopping.set()
        await running
        await log.close()
        await replica.close()

    thread = threading.Thread(target=asyncio.run, args=(keep(),))
    thread.start()
    try:
        yield registry
    finally:
        stop.set()
        thread.join()
