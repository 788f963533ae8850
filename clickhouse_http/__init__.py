"""ClickHouse's HTTP interface over the chDB engine of this process, so that any ClickHouse client can query it."""

from ask0.clickhouse_http.app import create_app
from ask0.clickhouse_http.request import User

__all__ = ["User", "create_app"]
