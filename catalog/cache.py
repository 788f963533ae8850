"""Who may send: the catalog in memory, indexed by what senders name, as new as this process's replica."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from ask0.catalog.documents import KEY, PROJECT, catalog_of, read_one
from ask0.catalog.errors import CatalogUnavailable, MayNotSend, UnknownKey
from ask0.catalog.replica import Replica
from ask0.catalog.sealing import Seal
from ask0.catalog.tokens import Verifier, verifiers
from ask0.schemas.catalog import Catalog, Key, Project, hash_secret
from ask0.schemas.scopes import SENDING

START_SECONDS = 2.0
MISS_SECONDS = 1.0  # an unknown key makes us look at once, but not more often than this
LOOK_SECONDS = 2.0  # and no longer

T = TypeVar("T")


class CatalogCache:
    """Answers from memory, also while the log is away."""

    def __init__(self, replica: Replica, seal: Seal | None = None) -> None:
        self.replica = replica
        self.seal = seal or Seal()
        self._missed_at = -MISS_SECONDS
        self.current = Catalog()
        self.projects: dict[str | None, str] = {}  # by write key that may send
        self.secrets: dict[str, Key] = {}  # live ones, by their hash
        self.verifiers: dict[str | None, Verifier] = {}  # by project, of those that can check who their users are
        replica.on_change(self._adopt)

    async def start(self) -> None:
        await self.replica.start(START_SECONDS)

    async def close(self) -> None:
        await self.replica.close()

    def report(self) -> dict[str, str]:
        """For readiness: `status` is ok or degraded, beside it why."""
        unread = sorted(id for verifier in self.verifiers.values() for id in verifier.unread)
        if unread:
            return {"status": "degraded", "reason": f"verification keys that prove nothing here: {', '.join(unread)}"}
        return self.replica.report()

    async def project_of(self, write_key: str) -> str:
        """The project a write key names. Raises UnknownKey; CatalogUnavailable when nobody can tell now."""
        found = self._of_page(write_key)
        return found if found else await self._look_again(self._of_page, write_key)

    async def project_of_sender(self, key: str) -> str:
        """The same, of a secret key too: a site's server may send events with it. Raises MayNotSend as well."""
        found = self._of_sender(key)
        return found if found else await self._look_again(self._of_sender, key)

    async def secret_of(self, key: str) -> Key:
        """The secret key of this text, whatever it may do. Raises as `project_of` does."""
        found = self._secret(key)
        return found if found else await self._look_again(self._secret, key)

    def project_of_secret(self, key: object) -> str | None:
        """Of a secret key whose events are believed."""
        found = self._secret(key) if type(key) is str else None
        return found.project_id if found and SENDING in found.allowed else None

    def _secret(self, key: str) -> Key | None:
        return self.secrets.get(hash_secret(key))

    def _of_page(self, key: str) -> str | None:
        return self.projects.get(key)

    def _of_sender(self, key: str) -> str | None:
        project = self.projects.get(key) or self.project_of_secret(key)
        if project is None and self._secret(key):
            raise MayNotSend(f"events under a secret key need the scope {SENDING}, which this key does not have")
        return project

    async def _look_again(self, find: Callable[[str], T | None], key: str) -> T:
        """It may be a key of just now, which has not come round yet."""
        fresh = self.replica.fresh
        if time.monotonic() - self._missed_at >= MISS_SECONDS:
            self._missed_at = time.monotonic()
            try:
                await self.replica.catch_up(LOOK_SECONDS)
                fresh = True
            except CatalogUnavailable:
                fresh = False
        found = find(key)
        if found is not None:
            return found
        if not fresh:  # it may be a new key: a 401 would make the sender drop its events
            raise CatalogUnavailable("this write key is not in the last known catalog, and the log is away")
        raise UnknownKey("the write key is missing or unknown: see `ask0 key list`")

    def _adopt(self) -> None:
        """Only what has changed, unless that is not known: whoever changes their own must not have all others' read."""
        changed = self.replica.changed
        if changed is None:
            self._adopt_all()
            return
        for kind, id in changed:
            if kind == PROJECT:
                self._adopt_project(id)
            elif kind == KEY:
                self._adopt_key(id)

    def _adopt_all(self) -> None:
        catalog = catalog_of(self.replica.state)
        self.current = catalog
        projects = {key: catalog.project_of_write_key(key) for key in catalog.keys}
        self.projects = {key: project for key, project in projects.items() if project is not None}
        self.secrets = {hashed: key for hashed in catalog.keys if (key := catalog.secret(hashed))}
        self.verifiers = verifiers(catalog.projects, self.seal)

    def _adopt_project(self, id: str) -> None:
        project = read_one(self.replica.state, PROJECT, id, Project)
        before = self.current.projects.get(id)
        _put(self.current.projects, id, project)
        if before is None or project is None or before.verification != project.verification:
            _put(self.verifiers, id, verifiers({id: project}, self.seal).get(id) if project else None)

    def _adopt_key(self, id: str) -> None:
        _put(self.current.keys, id, read_one(self.replica.state, KEY, id, Key))
        _put(self.projects, id, self.current.project_of_write_key(id))
        _put(self.secrets, id, self.current.secret(id))


def _put(place: dict[Any, T], id: str, value: T | None) -> None:
    """None takes it away."""
    if value is None:
        place.pop(id, None)
    else:
        place[id] = value
