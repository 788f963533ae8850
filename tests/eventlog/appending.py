"""A process that appends for ever and prints the number of each record once it is acknowledged."""

import asyncio
import sys
from itertools import count

from ask0.eventlog.log import WORKERS, Entry
from ask0.eventlog.open import open_log

APPENDERS = 8


async def append(dsn: str) -> None:
    log = open_log(dsn, group=WORKERS)
    await log.start()
    numbers = count()

    async def appender() -> None:
        for number in numbers:
            await log.append([Entry(b"key %d" % (number % 5), b"%d" % number, 1)])
            print(number, flush=True)

    await asyncio.gather(*(appender() for _ in range(APPENDERS)))


if __name__ == "__main__":
    asyncio.run(append(sys.argv[1]))
