"""Fixtures that several folders use."""

from hypothesis import settings

from tests.warehouse.fixtures import chdb_path, database, dsn, empty_warehouse, engine, http_url, warehouse

__all__ = ["chdb_path", "database", "dsn", "empty_warehouse", "engine", "http_url", "warehouse"]

settings.register_profile("untimed", deadline=None)  # how long an example takes says more of the machine
settings.load_profile("untimed")
