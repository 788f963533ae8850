"""Delivers an outbox in a task of the event loop that runs where the events come from."""

import asyncio
import contextlib
import contextvars
import time

import httpx

from ask0_sdk import lifetimes
from ask0_sdk.delivery import carry
from ask0_sdk.options import Options
from ask0_sdk.outbox import CLOSED, Outbox
from ask0_sdk.steps import walk_async
from ask0_sdk.thread_courier import AFTER_CRASH_SECONDS, CLOSED_MESSAGE, ThreadCourier
from ask0_sdk.voice import Voice
from ask0_sdk.wires import AsyncWire, Wire

CANCEL_SECONDS = 0.5  # for a task that is told to end

_running: set[asyncio.Task[None]] = set()  # a loop itself holds its tasks weakly


class AsyncBell:
    """Wakes one waiting task of the loop it is made in; any thread may ring."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._rung.wait(), seconds)
        except asyncio.TimeoutError:  # another than the built-in one before Python 3.11
            return
        self._rung.clear()


class TaskCourier:
    def __init__(self, options: Options, voice: Voice, wire: AsyncWire, outbox: Outbox) -> None:
        self.outbox = outbox
        self.close_seconds = options.close_seconds
        self._options = options
        self._voice = voice
        self._wire = wire
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        lifetimes.register(self)

    def put(self, event: bytes) -> str | None:
        """None if it was taken, else the reason why not."""
        reason = self.outbox.put(event)
        if reason is None:
            self.wake()
        return reason

    def wake(self) -> None:
        """There is something to deliver. Where no loop was ever, it waits for one, or for the interpreter's end."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        known = self._loop if self._loop and (self._loop is loop or self._loop.is_running()) else None
        if known and self._task and not self._task.done():
            return
        if loop:
            self._begin(loop)
        elif known:
            known.call_soon_threadsafe(self.wake)  # this thread is one without a loop

    def attach(self) -> None:
        """Events of threads without a loop are delivered in this one."""
        self._loop = asyncio.get_running_loop()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # In a context of its own: that of the request which happens to be first is not the others'.
        self._task = contextvars.Context().run(loop.create_task, self._run())
        _running.add(self._task)
        self._task.add_done_callback(_running.discard)

    async def flush(self, timeout_seconds: float) -> bool:
        number = self.outbox.hurry()
        if asyncio.current_task() is self._task:
            return self.outbox.is_settled(number)  # asked in a callback, which the courier waits for
        if len(self.outbox):
            self.wake()
        bell, until = AsyncBell(), time.monotonic() + timeout_seconds
        self.outbox.bells.add(bell.ring)
        try:
            while not self.outbox.is_settled(number) and (left := until - time.monotonic()) > 0:
                await bell.wait(left)
        finally:
            self.outbox.bells.discard(bell.ring)
        return self.outbox.is_settled(number)

    async def close(self, seconds: float) -> None:
        self.outbox.close(at=time.monotonic() + seconds)
        if len(self.outbox):
            self.wake()
        await self._end(seconds)
        self._voice.refuse_all(CLOSED, CLOSED_MESSAGE, self.outbox.give_up())
        await self._wire.close()

    async def _end(self, seconds: float) -> None:
        task, loop = self._task, self._loop
        if task is None or loop is None or task.done() or task is asyncio.current_task():
            return
        if loop is asyncio.get_running_loop():
            await asyncio.wait({task}, timeout=seconds)
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_SECONDS)
        else:
            await self.flush(seconds)
            loop.call_soon_threadsafe(task.cancel)

    def close_at_exit(self, seconds: float) -> None:
        """The loop is gone, and with it the task: a thread delivers what they left."""
        if len(self.outbox):
            transport = self._wire.transport
            wire = Wire(self._options, transport if isinstance(transport, httpx.BaseTransport) else None)
            ThreadCourier(self._options, self._voice, wire, self.outbox).close(seconds)

    def retire(self) -> None:
        """Nobody has the client any more: delivers what is left, and ends."""
        self.outbox.close(at=float("inf"))

    def renew(self) -> None:
        self.outbox = self.outbox.empty_copy()
        self._task = self._loop = None
        self._wire.renew()

    async def _run(self) -> None:
        bell, outbox = AsyncBell(), self.outbox
        outbox.bells.add(bell.ring)
        try:
            while not await self._deliver(outbox, bell):  # noqa: ASYNC110  # nothing says when it works again
                await asyncio.sleep(AFTER_CRASH_SECONDS)
        finally:
            outbox.bells.discard(bell.ring)
            await self._wire.leave()

    async def _deliver(self, outbox: Outbox, bell: AsyncBell) -> bool:
        """Whether it came to its end."""
        try:
            await walk_async(carry(outbox, self._voice, self._options.max_retries), self._wire.send, bell.wait)
        except Exception as error:  # of this SDK: the events stay, and are tried again
            if outbox.closes_at is not None and not len(outbox):
                return True
            self._voice.report(error)
            return False
        return True


def task_courier(
    options: Options, voice: Voice, transport: httpx.AsyncBaseTransport | None
) -> tuple[TaskCourier, AsyncWire]:
    wire = AsyncWire(options, transport)
    outbox = Outbox(options.max_queue_bytes, options.flush_at, options.flush_seconds)
    return TaskCourier(options, voice, wire, outbox), wire
