"""`ask0 serve` that dies by SIGKILL after the rows are in and before the log hears of it.

`python -m tests.faults.crashing on|off`; `off` also takes the protection away: no token that means the same block
twice, and no bounds kept from one attempt to the next.
"""

import os
import signal
import sys
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import ask0.eventlog.kafka_reader
from ask0.cli.main import main
from ask0.eventlog.kafka_reader import KafkaReader
from ask0.eventlog.log import Chunk
from ask0.eventlog.sqlite_reader import SqliteReader
from ask0.warehouse.connect import Warehouse


async def die(self: object, chunks: Sequence[Chunk]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def without_protection() -> None:
    insert, take = Warehouse.insert, SqliteReader._take

    def insert_anew(self: Warehouse, table: str, columns: Mapping[str, list[Any]], *, token: str) -> None:
        insert(self, table, columns, token=uuid.uuid4().hex)

    def take_anew(self: SqliteReader) -> Chunk | None:
        self._file.write("UPDATE groups SET intent = NULL")
        return take(self)

    Warehouse.insert = insert_anew  # type: ignore[method-assign]
    SqliteReader._take = take_anew  # type: ignore[method-assign]
    vars(ask0.eventlog.kafka_reader)["note"] = lambda *bounds: ""


if __name__ == "__main__":
    SqliteReader.done = die  # type: ignore[method-assign]
    KafkaReader.done = die  # type: ignore[method-assign]
    if sys.argv[1] == "off":
        without_protection()
    sys.argv = ["ask0", "serve"]
    main()
