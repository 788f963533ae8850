"""ClickHouse's HTTP interface over the chDB engine of this process, so that any ClickHouse client can query it."""

from warehouse.interface.app import create_app
from warehouse.interface.request import User

__all__ = ["User", "create_app"]
