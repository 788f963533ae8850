"""The data folder belongs to one process at a time: its lock, and the note that tells others where to reach it."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ask0.cli.errors import NotAvailable

LOCK = "lock"
NOTE = "serve.json"


class Running(msgspec.Struct, frozen=True):
    """What `ask0 serve` leaves in the data folder while it runs. `clickhouse` holds a password: mode 0600."""

    pid: int
    url: str
    clickhouse: str


class InUse(NotAvailable):
    """Another process holds the data folder."""


@contextmanager
def locked(data_dir: Path, *, wait_seconds: float = 0) -> Iterator[None]:
    """Holds the data folder for this process. The kernel frees it however the process ends. Raises InUse."""
    make_data_dir(data_dir)
    descriptor = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait_seconds
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                raise InUse(
                    f"the data folder {data_dir} is in use by another ask0 (pid {pid}); stop that one, or name another "
                    "folder in ASK0_DATA_DIR"
                )
            time.sleep(0.05)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def running(data_dir: Path) -> Running | None:
    """The server that holds this data folder now, if one does."""
    try:
        descriptor = os.open(data_dir / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _try_lock(descriptor, fcntl.LOCK_SH):
            return None
    finally:
        os.close(descriptor)
    try:
        return msgspec.json.decode((data_dir / NOTE).read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


@contextmanager
def announced(data_dir: Path, note: Running) -> Iterator[None]:
    """Leaves the note for as long as the block runs; written whole or not at all."""
    path = data_dir / NOTE
    write_private(path, msgspec.json.encode(note))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def make_data_dir(data_dir: Path) -> None:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NotAvailable(f"the data folder {data_dir} cannot be made: {error.strerror}; set ASK0_DATA_DIR") from error


def write_private(path: Path, content: bytes) -> None:
    """A file only this user can read, replaced in one step."""
    part = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    part.replace(path)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True
