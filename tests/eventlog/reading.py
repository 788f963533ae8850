"""A process that takes one chunk, prints its token, and is as good as dead until a line comes; then it says `done`."""

import asyncio
import sys

from ask0.eventlog.kafka_reader import KafkaReader
from ask0.eventlog.log import ChunkLost
from tests.eventlog.homes import next_chunk


async def read(dsn: str, group: str, session_seconds: float) -> None:
    reader = KafkaReader(dsn, group=group, session_seconds=session_seconds)
    await reader.start()
    chunk = await next_chunk(reader)
    print(chunk.token, flush=True)
    sys.stdin.readline()  # and no heartbeat meanwhile
    try:
        await reader.done([chunk])
        print("done", flush=True)
    except ChunkLost:
        print("lost", flush=True)
    await reader.close()


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], sys.argv[2], float(sys.argv[3])))
