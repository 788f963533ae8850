"""ClickHouse: connect by DSN (chDB in process, or a server), migrate, insert, read."""
