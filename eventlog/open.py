"""From a DSN to a log or a reader; aiokafka is imported only by those who use Kafka."""

from pathlib import Path

from ask0.eventlog.log import Log, Reader
from ask0.eventlog.sqlite import SqliteLog, SqliteReader

SQLITE = "sqlite://"


def open_log(dsn: str, *, group: str = "") -> Log:
    """Of `sqlite:///path` or `kafka://host:port,…/topic`; ValueError for anything else. Not started yet. `group` names
    the workers whose backlog it tells."""
    if dsn.startswith(SQLITE):
        return SqliteLog(_path(dsn))
    from ask0.eventlog.kafka import KafkaLog

    return KafkaLog(dsn, group=group)


def open_reader(dsn: str, *, group: str) -> Reader:
    """`group` names the workers that share a topic; a SQLite log has one reader."""
    if dsn.startswith(SQLITE):
        return SqliteReader(_path(dsn))
    from ask0.eventlog.kafka_reader import KafkaReader

    return KafkaReader(dsn, group=group)


def _path(dsn: str) -> Path:
    path = Path(dsn.removeprefix(SQLITE))
    if not path.is_absolute():
        raise ValueError("A SQLite log is sqlite:///path, with an absolute path.")
    return path
