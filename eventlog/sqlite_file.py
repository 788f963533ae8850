"""The file of the SQLite log: its schema, its connections, what its errors mean, and who waits for its commits."""

import fcntl
import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ask0.eventlog.log import LogUnavailable

VERSION = 2
BUSY_SECONDS = 5.0  # how long a statement waits for another process's lock

_APPLICATION_ID = 0x41736B30  # "Ask0"
_SCHEMA = (
    # AUTOINCREMENT: an offset is never given twice, whatever was deleted.
    "CREATE TABLE records (offset INTEGER PRIMARY KEY AUTOINCREMENT, events INTEGER NOT NULL, value BLOB NOT NULL)",
    "CREATE TABLE state (log_id TEXT NOT NULL, checks INTEGER NOT NULL)",  # one row
)
_GROUPS = """
CREATE TABLE groups (
    name TEXT PRIMARY KEY,
    done INTEGER NOT NULL,  -- the group is through with the records below
    intent INTEGER,  -- those from `done` to here are handed out
    lasting INTEGER NOT NULL,  -- records are kept for the group however long it is away
    seen INTEGER NOT NULL  -- epoch seconds
) WITHOUT ROWID"""
_CONTROL = "CREATE TABLE control (position INTEGER PRIMARY KEY AUTOINCREMENT, value BLOB NOT NULL)"
# Format 1 had one reader, whose group had no name: the first workers that join take its place.
_UPGRADE = (
    _GROUPS,
    _CONTROL,
    "INSERT INTO groups SELECT '', done, intent, 1, unixepoch() FROM state",
    "ALTER TABLE state RENAME TO state_of_format_1",
    "CREATE TABLE state (log_id TEXT NOT NULL, checks INTEGER NOT NULL)",
    "INSERT INTO state SELECT log_id, checks FROM state_of_format_1",
    "DROP TABLE state_of_format_1",
)
_ADVICE = {
    "SQLITE_FULL": "its disk is full: make room, nothing is accepted until then",
    "SQLITE_BUSY": "another process keeps it locked: end that process or its open transaction",
    "SQLITE_CANTOPEN": "it cannot be opened: check the path and the owner and permissions of its folder",
    "SQLITE_READONLY": "it cannot be written: check the owner and permissions of the file and its folder",
    "SQLITE_CORRUPT": "it is damaged: restore it from a backup, or move it away to begin a new log",
    "SQLITE_NOTADB": "it is not a SQLite file: move it away, or choose another path",
    "SQLITE_IOERR": "its disk fails: look at the system's log",
}

T = TypeVar("T")
Row = tuple[Any, ...]

_opening = threading.Lock()  # creation is not for two threads at once
_watchers: dict[str, tuple[Callable[[], None], ...]] = {}
_watching = threading.Lock()
_turns: dict[str, threading.Lock] = {}


class LogFile:
    """The connection of one thread. After any error it is closed, and opened anew by the next statement. `log_id` names
    the log that must be there; without it, one is made where there is none."""

    def __init__(self, path: Path, log_id: str = "") -> None:
        self.path = Path(os.path.realpath(path))
        self.log_id = log_id
        with _watching:
            self._turn = _turns.setdefault(str(self.path), threading.Lock())
        self._connection: sqlite3.Connection | None = None
        self._inode = (0, 0)

    def write(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Within a process the writers queue up: SQLite would make them sleep, and try again, and starve."""
        with self._turn:
            return self.read(sql, parameters)

    def insert(self, sql: str, parameters: Sequence[object]) -> int:
        """The last row's id. Raises LogUnavailable."""
        with self._turn:
            return self._use(lambda connection: connection.execute(sql, parameters).lastrowid or 0)

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[Row]:
        """One statement, a transaction of its own: durable when it returns. Raises LogUnavailable."""
        return self._use(lambda connection: connection.execute(sql, parameters).fetchall())

    def shrink(self, pages: int, beyond: int) -> None:
        """Gives some pages back to the disk when more than `beyond` are free. Raises LogUnavailable."""
        ((free,),) = self.read("PRAGMA freelist_count")
        if free > beyond:
            with self._turn:  # `execute` would make one step only, which is one page
                self._use(lambda connection: connection.executescript(f"PRAGMA incremental_vacuum({pages})"))

    def used_bytes(self) -> int:
        """What the records take, without free pages. Raises LogUnavailable."""
        ((pages,),), ((free,),) = self.read("PRAGMA page_count"), self.read("PRAGMA freelist_count")
        ((size,),) = self.read("PRAGMA page_size")
        return int((pages - free) * size)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()

    def _use(self, function: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection or self._open()
            self._stand_still()
            return function(connection)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise _explain(error, self.path) from error
        except LogUnavailable:
            self.close()
            raise

    def _stand_still(self) -> None:
        """A removed file takes commits as before, and loses them."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            found = None
        if not found or (found.st_dev, found.st_ino) != self._inode:
            raise LogUnavailable(f"The log {self.path} was removed or replaced: put it back, or restart.")

    def _open(self) -> sqlite3.Connection:
        with _opening:
            if not self.log_id:
                _create_file(self.path)
            connection = sqlite3.connect(
                f"{self.path.as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        found = os.stat(self.path)
        self._inode = (found.st_dev, found.st_ino)
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=67108864")
        connection.execute("PRAGMA wal_autocheckpoint=4000")  # pages: 32 MB; a large group alone has 3 MB
        if _pragma(connection, "application_id") != _APPLICATION_ID:
            _create_tables(connection, self.path)
        if _pragma(connection, "user_version") < VERSION:
            _upgrade(connection, self.path)
        if _pragma(connection, "user_version") > VERSION:
            raise LogUnavailable(
                f"The log {self.path} has format {_pragma(connection, 'user_version')}, written by a newer Ask0;"
                f" this one reads {VERSION}: upgrade it."
            )
        (log_id,) = connection.execute("SELECT log_id FROM state").fetchone()
        if self.log_id not in ("", log_id):
            raise LogUnavailable(f"Another log took the place of {self.path}: put the first one back, or restart.")
        self.log_id = log_id


def hold(path: Path, group: str) -> int:
    """The lock of a group's reader: the descriptor to close when done. Raises LogUnavailable when another has it."""
    return _lock(path, f".{group}.lock", f"reads the log {path} as group {group} already, and a group has one reader")


def is_held(path: Path, group: str) -> bool:
    try:
        os.close(hold(path, group))
    except LogUnavailable:
        return True
    return False


def _lock(path: Path, suffix: str, what: str) -> int:
    try:
        lock = os.open(f"{path}{suffix}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
        except OSError:
            holder = os.read(lock, 20).decode().strip()
            os.close(lock)
            raise
    except BlockingIOError:
        raise LogUnavailable(
            f"Process {holder} {what}: stop that process, or give this one a log of its own."
        ) from None
    except OSError as error:
        raise _explain(error, path) from error
    return lock


def watch(path: Path, wake: Callable[[], None]) -> None:
    """`wake` is called, in the writer's thread, after every commit of a writer of this process."""
    with _watching:
        _watchers[str(path)] = (*_watchers.get(str(path), ()), wake)


def unwatch(path: Path, wake: Callable[[], None]) -> None:
    with _watching:
        _watchers[str(path)] = tuple(other for other in _watchers.get(str(path), ()) if other != wake)


def announce(path: Path) -> None:
    for wake in _watchers.get(str(path), ()):
        wake()


def _create_file(path: Path) -> None:
    for folder in (*reversed(path.parent.parents), path.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _create_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Two processes may be at it; the second finds the work done."""
    connection.execute("PRAGMA page_size=8192")  # half as many pages to write for a large group, no more for a small
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    if _pragma(connection, "application_id") != _APPLICATION_ID:
        if connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise LogUnavailable(f"{path} is the database of another program: choose another path for the log.")
        for statement in (*_SCHEMA, _GROUPS, _CONTROL):
            connection.execute(statement)
        connection.execute("INSERT INTO state VALUES (?, 0)", (secrets.token_hex(8),))
        connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """From format 1, in place. A worker of then must have ended: it would not see what another does with its chunk."""
    lock = _lock(path, ".lock", f"is a worker of an older Ask0 and reads the log {path}")
    try:
        connection.execute("BEGIN IMMEDIATE")
        if _pragma(connection, "user_version") < VERSION:
            for statement in _UPGRADE:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    finally:
        os.close(lock)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _explain(error: Exception, path: Path) -> LogUnavailable:
    name = getattr(error, "sqlite_errorname", "SQLITE_CANTOPEN")
    advice = next((text for code, text in _ADVICE.items() if name.startswith(code)), _ADVICE["SQLITE_CORRUPT"])
    return LogUnavailable(f"The log {path} is unavailable, {advice} ({error}).")
