"""Fixtures that several folders use."""

from tests.warehouse.fixtures import chdb_path, database, dsn, empty_warehouse, engine, http_url, warehouse

__all__ = ["chdb_path", "database", "dsn", "empty_warehouse", "engine", "http_url", "warehouse"]
