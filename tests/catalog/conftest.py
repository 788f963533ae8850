"""The homes of the log, for the stream of documents."""

from tests.eventlog.conftest import home, kafka_bootstrap, kafka_home, sqlite_home

__all__ = ["home", "kafka_bootstrap", "kafka_home", "sqlite_home"]
