"""ClickHouse's HTTP interface over the chDB engine of this process, so that any ClickHouse client can query it; and the
guard before it, which others use too: nothing is imported here, as the engine takes half a second."""
