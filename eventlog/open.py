"""From a DSN to a log, a reader or its groups; aiokafka is imported only by those who use Kafka."""

import asyncio
import re
from pathlib import Path

from ask0.eventlog import sqlite_groups
from ask0.eventlog.log import Control, Group, Log, Reader
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_control import SqliteControl
from ask0.eventlog.sqlite_reader import SqliteReader

SQLITE = "sqlite://"
GROUP = re.compile(r"[A-Za-z0-9._-]{1,100}")


def open_log(dsn: str, *, group: str, busy: bool = False) -> Log:
    """Of `sqlite:///path` or `kafka://host:port,…/topic`; ValueError for anything else. Not started yet. `group` names
    the workers for whom records are kept, and whose backlog it tells; a `busy` appender is one like a gateway."""
    if dsn.startswith(SQLITE):
        return SqliteLog(_path(dsn), group=_checked(group), own_process=busy)
    from ask0.eventlog.kafka import KafkaLog

    return KafkaLog(dsn, group=_checked(group))


def open_reader(dsn: str, *, group: str, at_end: bool = False, lasting: bool = True) -> Reader:
    """A reader of `group`; on a SQLite log it is the only one. A new group begins with the first record there is, or
    `at_end`. One that is not lasting is forgotten some time after it was last seen."""
    if dsn.startswith(SQLITE):
        return SqliteReader(_path(dsn), group=_checked(group), at_end=at_end, lasting=lasting)
    from ask0.eventlog.kafka_reader import KafkaReader

    return KafkaReader(dsn, group=_checked(group), at_end=at_end)


def open_control(dsn: str) -> Control:
    """The control stream beside the log. Not started yet."""
    if dsn.startswith(SQLITE):
        return SqliteControl(_path(dsn))
    from ask0.eventlog.kafka_control import KafkaControl

    return KafkaControl(dsn)


async def list_groups(dsn: str) -> list[Group]:
    """Raises LogUnavailable."""
    if dsn.startswith(SQLITE):
        return await asyncio.to_thread(sqlite_groups.list_groups, _path(dsn))
    from ask0.eventlog import kafka_groups

    return await kafka_groups.list_groups(dsn)


async def drop_group(dsn: str, group: str) -> bool:
    """Forgets its place on the log. Whether it was there; raises LogUnavailable while somebody reads in its name."""
    if dsn.startswith(SQLITE):
        return await asyncio.to_thread(sqlite_groups.drop_group, _path(dsn), _checked(group))
    from ask0.eventlog import kafka_groups

    return await kafka_groups.drop_group(dsn, _checked(group))


def _checked(group: str) -> str:
    if not GROUP.fullmatch(group):
        raise ValueError("A group's name has up to 100 letters, digits, dots, dashes and underscores.")
    return group


def _path(dsn: str) -> Path:
    path = Path(dsn.removeprefix(SQLITE))
    if not path.is_absolute():
        raise ValueError("A SQLite log is sqlite:///path, with an absolute path.")
    return path
