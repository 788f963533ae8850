"""Who is erased, as documents: hashes of ids in packs, so that few documents hold many. They outlive any older copy of
ClickHouse's tables that somebody restores."""

import asyncio
import secrets
import time
from collections.abc import Collection as Several
from collections.abc import Mapping

from msgspec.structs import replace

from ask0.catalog.collection import Collection, Stored
from ask0.catalog.documents import write_document
from ask0.catalog.errors import CatalogError, CatalogUnavailable, MovedOn
from ask0.catalog.replica import Replica
from ask0.schemas.changes import name_of
from ask0.schemas.erasure import FOR_EVER, MAX_HASHES, MAX_PACKS, SUPPRESSION, TALK, Pack, hash_id

KEY_BYTES = 32
MOST_ATTEMPTS = 20  # at documents that somebody else changes meanwhile

Packs = Mapping[str, Stored[Pack]]  # by subject


class Suppressions(Collection[Pack]):
    def __init__(self, replica: Replica) -> None:
        self._dropped: dict[str, set[str]] = {}  # hashes of those of whom everything is, by project
        super().__init__(replica, SUPPRESSION, Pack)

    def drops(self, project_id: str, id: str) -> bool:
        """Whether everything of the user or guest is dropped."""
        packs = self.of(project_id)
        if not packs:
            return False
        return hash_id(_key_of(packs), id) in self._dropped.get(project_id, ())

    def replaced(self, before: Pack | None, after: Pack | None) -> None:
        if before:
            self._dropped[before.project_id].difference_update(before.hashes)
        if after:
            dropped = self._dropped.setdefault(after.project_id, set())
            dropped.update(each for each in after.hashes if each not in after.until)

    async def add(self, project_id: str, ids: Several[str], actor: str, *, talk: bool = False) -> list[Stored[Pack]]:
        """Everything of these users and guests is dropped from now on; or of their `talk` what was received until now.
        Returns the packs that say so. Raises CatalogError, CatalogUnavailable."""
        now = _now()

        def wanted(key: str) -> dict[str, int]:
            return {hash_id(key, TALK + id): now for id in ids} if talk else {hash_id(key, id): FOR_EVER for id in ids}

        for _ in range(MOST_ATTEMPTS):
            packs = dict(self.of(project_id))
            key = _key_of(packs) if packs else secrets.token_hex(KEY_BYTES)
            hashes = await asyncio.to_thread(wanted, key)
            if await self._write(packs, await asyncio.to_thread(plan, packs, project_id, key, hashes), actor):
                there = self.of(project_id).values()
                return [pack for pack in there if not hashes.keys().isdisjoint(pack.document.hashes)]
        raise CatalogUnavailable("others erase in this project at the same time: try again")

    async def lift(self, project_id: str, id: str, actor: str) -> list[Stored[Pack]]:
        """What is received of the user or guest from now on passes; twice is as once. Empty if they never were
        erased."""
        for _ in range(MOST_ATTEMPTS):
            packs = dict(self.of(project_id))
            found = [one.document for one in packs.values() if hash_id(one.document.key, id) in one.document.hashes]
            changed = [
                replace(pack, until={**pack.until, hash: _now()})
                for pack in found
                if (hash := hash_id(pack.key, id)) not in pack.until
            ]
            if await self._write(packs, changed, actor, "suppression.lifted"):
                there = self.of(project_id)
                return [there[pack.subject] for pack in found]
        raise CatalogUnavailable("others erase in this project at the same time: try again")

    async def _write(self, packs: Packs, changed: Several[Pack], actor: str, action: str = "suppression.made") -> bool:
        """Whether all of them stand, and not one was changed by somebody else meanwhile."""
        for pack in changed:
            before = packs.get(pack.subject)
            try:
                await write_document(
                    self.replica,
                    SUPPRESSION,
                    pack.subject,
                    pack,
                    project_id=pack.project_id,
                    action=action,
                    actor=actor,
                    request="",
                    id=f"sup_{secrets.token_hex(12)}",
                    expects={name_of(SUPPRESSION, pack.subject): before.version if before else 0},
                )
            except MovedOn:
                return False
        return True


def plan(packs: Packs, project_id: str, key: str, wanted: Mapping[str, int]) -> list[Pack]:
    """Packs as they are to be, so that each hash is in one of them and says at least what is wanted. Raises
    CatalogError when the project has no room."""
    changed: dict[int, Pack] = {}
    missing = dict(wanted)
    for one in packs.values():
        pack = one.document
        there = [each for each in pack.hashes if each in missing]
        until = dict(pack.until)
        for each in there:
            moment = max(missing.pop(each), pack.until.get(each, FOR_EVER))
            if moment == FOR_EVER:
                until.pop(each, None)
            else:
                until[each] = moment
        if until != pack.until:
            changed[pack.place] = replace(pack, until=until)
    last = max((one.document.place for one in packs.values()), default=0)
    newest = next((one.document for one in packs.values() if one.document.place == last), None)
    pack = changed.get(last) or newest or Pack(project_id=project_id, place=0, key=key)
    rest = list(missing.items())
    while rest:
        room = MAX_HASHES - len(pack.hashes)
        some, rest = rest[:room], rest[room:]
        until = {each: moment for each, moment in some if moment != FOR_EVER}
        hashes = (*pack.hashes, *(each for each, _ in some))
        changed[pack.place] = replace(pack, hashes=hashes, until={**pack.until, **until})
        pack = Pack(project_id=project_id, place=pack.place + 1, key=key)
        if rest and pack.place >= MAX_PACKS:
            raise CatalogError(f"a project has erased {MAX_PACKS * MAX_HASHES:,} ids: there is no room for more")
    return list(changed.values())


def _key_of(packs: Packs) -> str:
    """The same in each."""
    return next(iter(packs.values())).document.key


def _now() -> int:
    return time.time_ns() // 1_000_000
