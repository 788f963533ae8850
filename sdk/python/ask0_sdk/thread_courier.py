"""Delivers an outbox in a daemon thread, which starts with the first event."""

import threading
import time

import httpx

from ask0_sdk import lifetimes
from ask0_sdk.delivery import carry
from ask0_sdk.options import Options
from ask0_sdk.outbox import CLOSED, Outbox
from ask0_sdk.steps import walk
from ask0_sdk.voice import Voice
from ask0_sdk.wires import Wire

CLOSED_MESSAGE = "the client was closed before this event had an answer; it may have arrived"
AFTER_CRASH_SECONDS = 1.0


class Bell:
    """Wakes one waiting thread. A signal's handler may ring it in the middle of a ring: its lock is re-entrant."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung = False

    def ring(self) -> None:
        with self._condition:
            self._rung = True
            self._condition.notify_all()

    def wait(self, seconds: float | None) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._rung, seconds)
            self._rung = False


class ThreadCourier:
    def __init__(self, options: Options, voice: Voice, wire: Wire, outbox: Outbox) -> None:
        self.outbox = outbox
        self.close_seconds = options.close_seconds
        self._options = options
        self._voice = voice
        self._wire = wire
        self._thread: threading.Thread | None = None
        self._starting = threading.RLock()
        self._is_starting = False
        lifetimes.register(self)

    def put(self, event: bytes) -> str | None:
        """None if it was taken, else the reason why not."""
        reason = self.outbox.put(event)
        if reason is None:
            self.wake()
        return reason

    def wake(self) -> None:
        """There is something to deliver."""
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def flush(self, timeout_seconds: float) -> bool:
        number = self.outbox.hurry()
        if threading.current_thread() is self._thread:
            return self.outbox.is_settled(number)  # asked in a callback, which the courier waits for
        if len(self.outbox):
            self.wake()
        bell, until = Bell(), time.monotonic() + timeout_seconds
        self.outbox.bells.add(bell.ring)
        try:
            while not self.outbox.is_settled(number) and (left := until - time.monotonic()) > 0:
                bell.wait(left)
        finally:
            self.outbox.bells.discard(bell.ring)
        return self.outbox.is_settled(number)

    def close(self, seconds: float) -> None:
        self._wire.closes_at = time.monotonic() + seconds
        self.outbox.close(at=self._wire.closes_at)
        if len(self.outbox):
            self.wake()
            if self._thread is None:  # from Python 3.12 on none starts while the interpreter ends
                self._run()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(seconds)
        self._voice.refuse_all(CLOSED, CLOSED_MESSAGE, self.outbox.give_up())
        if self._thread is None or not self._thread.is_alive():
            self._wire.close()

    def close_at_exit(self, seconds: float) -> None:
        self.close(seconds)

    def retire(self) -> None:
        """Nobody has the client any more: delivers what is left, and ends."""
        self.outbox.close(at=float("inf"))

    def renew(self) -> None:
        self.outbox = self.outbox.empty_copy()
        self._thread = None
        self._starting = threading.RLock()
        self._is_starting = False
        self._wire.renew()

    def _start(self) -> None:
        with self._starting:
            if self._is_starting or (self._thread and self._thread.is_alive()):
                return
            self._is_starting = True  # a signal's handler comes here in the middle of the start
            thread = threading.Thread(target=self._run, name="ask0-courier", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # too many threads: the next event tries again
                self._thread = None
                self._voice.report(error)
            else:
                self._thread = thread
            finally:
                self._is_starting = False

    def _run(self) -> None:
        bell, outbox = Bell(), self.outbox
        outbox.bells.add(bell.ring)
        try:
            while not self._deliver(outbox, bell):
                time.sleep(AFTER_CRASH_SECONDS)
        finally:
            outbox.bells.discard(bell.ring)
            if outbox.closes_at is not None:
                self._wire.close()

    def _deliver(self, outbox: Outbox, bell: Bell) -> bool:
        """Whether it came to its end."""
        try:
            walk(carry(outbox, self._voice, self._options.max_retries), self._wire.send, bell.wait)
        except Exception as error:  # of this SDK: the events stay, and are tried again
            if outbox.closes_at is not None and not len(outbox):
                return True
            self._voice.report(error)
            return False
        return True


def thread_courier(options: Options, voice: Voice, transport: httpx.BaseTransport | None) -> tuple[ThreadCourier, Wire]:
    wire = Wire(options, transport)
    outbox = Outbox(options.max_queue_bytes, options.flush_at, options.flush_seconds)
    return ThreadCourier(options, voice, wire, outbox), wire
