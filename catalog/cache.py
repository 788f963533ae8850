"""The catalog in memory, refreshed in the background; kept on disk, so that ingestion survives a ClickHouse outage."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ask0.catalog import store
from ask0.catalog.errors import CatalogUnavailable, UnknownKey
from ask0.catalog.tokens import Verifier, verifiers
from ask0.schemas.catalog import Catalog, hash_secret
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Unavailable

REFRESH_SECONDS = 2.0
MISS_REFRESH_SECONDS = 1.0  # an unknown key makes us look at once, but not more often than this
LOAD_SECONDS = 5.0
SNAPSHOT_NAME = "catalog.json"

logger = logging.getLogger(__name__)


class CatalogCache:
    """Who may send: answers from memory. `warehouse` is None where ClickHouse could not even be opened."""

    def __init__(self, warehouse: Warehouse | None, data_dir: Path) -> None:
        self._warehouse = warehouse
        self._path = data_dir / SNAPSHOT_NAME
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalog")
        self._refresher: asyncio.Task[None] | None = None
        self._loading: asyncio.Future[Catalog] | None = None
        self._missed_at = -MISS_REFRESH_SECONDS
        self.current = Catalog()
        self.projects: dict[str | None, str] = {}  # by write key that may send
        self.secrets: dict[str, str] = {}  # projects by the hash of a secret key
        self.verifiers: dict[str | None, Verifier] = {}  # by project, of those that can check who their users are
        self.fresh = False  # whether the last refresh reached ClickHouse

    async def start(self) -> None:
        self._adopt(self._read_snapshot() or self.current)
        await self.refresh()
        self._refresher = asyncio.create_task(self._refresh_forever())

    async def close(self) -> None:
        if self._refresher is not None:
            self._refresher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._refresher
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def project_of(self, write_key: str) -> str:
        """The project a write key names. Raises UnknownKey; CatalogUnavailable when nobody can tell now."""
        return await self._find(lambda: self.projects.get(write_key))

    async def project_of_sender(self, key: str) -> str:
        """The same, of a secret key too: a site's server may send events with it."""
        return await self._find(lambda: self.projects.get(key) or self.project_of_secret(key))

    def project_of_secret(self, key: object) -> str | None:
        return self.secrets.get(hash_secret(key)) if type(key) is str else None

    async def refresh(self) -> None:
        """Load the catalog from ClickHouse; without it the last one stays."""
        try:
            catalog = await self._load()
        except (Unavailable, QueryFailed, TimeoutError) as error:
            if self.fresh:
                logger.warning("the catalog stays as it is: ClickHouse does not answer", extra={"error": str(error)})
            self.fresh = False
            return
        if catalog != self.current or not self.fresh:
            self._adopt(catalog)
            self._write_snapshot(catalog)
        self.fresh = True

    def _adopt(self, catalog: Catalog) -> None:
        self.current = catalog
        projects = {key: catalog.project_of_write_key(key) for key in catalog.keys}
        self.projects = {key: project for key, project in projects.items() if project is not None}
        secrets = {key: catalog.project_of_secret(key) for key in catalog.keys}
        self.secrets = {key: project for key, project in secrets.items() if project is not None}
        self.verifiers = verifiers(catalog.projects)

    async def _find(self, find: Callable[[], str | None]) -> str:
        project = find()
        if project is not None:
            return project
        if time.monotonic() - self._missed_at >= MISS_REFRESH_SECONDS:
            self._missed_at = time.monotonic()
            await self.refresh()
        project = find()
        if project is not None:
            return project
        if not self.fresh:  # it may be a new key: a 401 would make the sender drop its events
            raise CatalogUnavailable("this write key is not in the last known catalog, and ClickHouse is away")
        raise UnknownKey("the write key is missing or unknown: see `ask0 key list`")

    async def _load(self) -> Catalog:
        """One load at a time, shared by all who ask; a load that hangs keeps only its own thread."""
        if self._warehouse is None:
            raise Unavailable("ClickHouse is away since the start")
        if self._loading is None or self._loading.done():
            loop = asyncio.get_running_loop()
            self._loading = loop.run_in_executor(self._thread, store.load, self._warehouse)
        return await asyncio.wait_for(asyncio.shield(self._loading), LOAD_SECONDS)

    async def _refresh_forever(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()

    def _read_snapshot(self) -> Catalog | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Catalog)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            logger.warning("the catalog's copy on disk cannot be read", extra={"error": type(error).__name__})
            return None

    def _write_snapshot(self, catalog: Catalog) -> None:
        """Whole or not at all, and for this user only."""
        draft = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(catalog))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            logger.warning("the catalog cannot be copied to disk", extra={"error": str(error)})
