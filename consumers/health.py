"""What a worker says of itself while it works, waits or fails: readiness must not look fine while rows stand still."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

EQUAL_FAILURES = 3  # of one kind in one step, one after the other, and the worker is not ready
LONG_SECONDS = 30.0  # a round that runs for longer is shown


class WorkerHealth:
    """Written by the worker's threads, read by whoever answers for the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._steps: list[str] = []  # several threads may each be in one
        self._failed_step = ""
        self._failure = "", ""  # step, kind of error
        self._failures = 0
        self._began: float | None = None
        self.parked: Mapping[str, str] = {}  # project → why

    @contextmanager
    def round(self) -> Iterator[None]:
        self._began, self._failed_step = time.monotonic(), ""
        try:
            yield
        finally:
            self._began = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        with self._lock:
            self._steps.append(name)
        try:
            yield
        except BaseException:
            self._failed_step = name
            raise
        finally:
            with self._lock:
                self._steps.remove(name)

    def failed(self, error: Exception) -> None:
        failure = self._failed_step or "log", type(error).__name__
        self._failures = self._failures + 1 if failure == self._failure else 1
        self._failure = failure

    def succeeded(self) -> None:
        self._failure, self._failures = ("", ""), 0

    def report(self) -> dict[str, Any]:
        """`status` is ok or degraded, beside it why: `failing`, `running` for long, `parked` projects."""
        why: dict[str, Any] = {}
        if self._failures >= EQUAL_FAILURES:
            step, error = self._failure
            why["failing"] = {"step": step, "error": error, "times": self._failures}
        began, steps = self._began, list(self._steps)
        if began is not None and (seconds := time.monotonic() - began) > LONG_SECONDS:
            why["running"] = {"step": steps[-1] if steps else "", "seconds": round(seconds)}
        if self.parked:
            why["parked"] = sorted(self.parked)
        return {"status": "degraded" if why else "ok", **why}
