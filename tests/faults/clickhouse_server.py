"""A ClickHouse server to kill: chDB behind its HTTP interface. Arguments: folder and port."""

import sys
from pathlib import Path

import uvicorn

from ask0.clickhouse_http.app import create_app
from ask0.clickhouse_http.request import User
from ask0.warehouse.connect import Warehouse

PASSWORD = "secret"

if __name__ == "__main__":
    folder, port = Path(sys.argv[1]) / "clickhouse", int(sys.argv[2])
    with Warehouse(f"chdb://{folder}"):
        app = create_app(str(folder), [User("ask0", PASSWORD, writable=True)])
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)
