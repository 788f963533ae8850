"""What happens to couriers when the interpreter ends, and when the process is forked."""

import atexit
import os
import time
from typing import Protocol
from weakref import WeakSet

from ask0_sdk.outbox import Outbox


class Courier(Protocol):
    outbox: Outbox
    close_seconds: float

    def close_at_exit(self, seconds: float) -> None:
        """Delivers what is left, for so long at most."""

    def renew(self) -> None:
        """In a forked process: what is queued is the parent's to send."""


_living: WeakSet[Courier] = WeakSet()


def register(courier: Courier) -> None:
    _living.add(courier)


def _close_all() -> None:
    """All at once, so that the longest of their bounds is the bound of all."""
    now = time.monotonic()
    couriers = list(_living)
    for courier in couriers:
        courier.outbox.close(at=now + courier.close_seconds)
    for courier in couriers:
        courier.close_at_exit(max(0.0, now + courier.close_seconds - time.monotonic()))


def _renew_all() -> None:
    for courier in list(_living):
        courier.renew()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_renew_all)
