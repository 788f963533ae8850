"""One process owns a chDB path. The lock beside it names the owner, where the engine's own refusal does not."""

import fcntl
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from ask0.warehouse.errors import Unavailable


@dataclass
class _Held:
    descriptor: int
    users: int


_held: dict[Path, _Held] = {}
_guard = threading.Lock()


def own(path: str) -> None:
    """Take the path for this process; several users in one process share it. Raises Unavailable."""
    lock = _lock_file(path)
    with _guard:
        if lock in _held:
            _held[lock].users += 1
            return
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode().strip() or "another"
            os.close(descriptor)
            raise Unavailable(
                f"{path} is in use by process {holder}; stop it, or let it answer: `ask0 sql` does so by itself"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        _held[lock] = _Held(descriptor, users=1)


def release(path: str) -> None:
    lock = _lock_file(path)
    with _guard:
        held = _held[lock]
        held.users -= 1
        if not held.users:
            os.close(held.descriptor)  # the file stays: removing it would let two processes lock two files
            del _held[lock]


def _lock_file(path: str) -> Path:
    return Path(f"{Path(path).resolve()}.lock")
