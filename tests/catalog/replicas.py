"""Changes to write, and streams on which things go wrong."""

import asyncio
from collections.abc import Mapping
from itertools import count

import msgspec

from ask0.catalog.replica import Replica
from ask0.catalog.rule import State
from ask0.eventlog.log import Control, LogUnavailable
from ask0.schemas.changes import Change

_ids = count()


def change(subject: str, body: object, *, id: str = "", **expects: int) -> Change:
    return Change(
        id=id or f"change-{next(_ids)}",
        kind="thing",
        subject=subject,
        action="thing.changed",
        actor="test",
        at=1,
        expects={name.replace("__", "/"): version for name, version in expects.items()},
        body=msgspec.Raw(msgspec.json.encode(body)),
    )


def bodies(state: State) -> dict[str, object]:
    return {subject: msgspec.json.decode(one.body) for subject, one in state.documents.get("thing", {}).items()}


class Unreliable:
    """A control stream that may lose its answer, refuse, or stand still."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.lose_answer = False  # of the next append, which lands
        self.refuse = False  # the next append, which does not
        self.stale = False  # reads give nothing
        self.log_id = ""
        self.rewritable = control.rewritable

    async def start(self) -> None:
        await self._control.start()
        self.log_id = self._control.log_id

    async def append(self, value: bytes) -> None:
        if self.refuse:
            self.refuse = False
            raise LogUnavailable("refused")
        await self._control.append(value)
        if self.lose_answer:
            self.lose_answer = False
            raise LogUnavailable("it landed, but nobody heard of it")

    async def read(self, after: int, timeout: float) -> list[tuple[int, bytes]]:
        if self.stale:
            await asyncio.sleep(0.01)
            return []
        return await self._control.read(after, min(timeout, 0.05))

    async def end(self) -> int:
        return await self._control.end()

    async def rewrite(self, records: Mapping[int, bytes]) -> None:
        await self._control.rewrite(records)

    async def close(self) -> None:
        await self._control.close()


async def crash(replica: Replica) -> None:
    """Ends without a last copy on disk."""
    replica._unsaved = False
    await replica.close()
