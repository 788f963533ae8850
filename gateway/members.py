"""Several gateway processes on one port: whichever of them is asked for metrics adds up those of all."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

ANSWER_SECONDS = 1.0  # one that says nothing for so long is left out: it may just be starting

ADDED = ("counter", "histogram", "summary")
ADDED_GAUGES = ("ask0_connections",)
LEAST_GAUGES = ("ask0_ready",)  # of other gauges the greatest is the one to worry about


@dataclass
class Member:
    """One of `count` processes, which meet in a folder that is theirs alone."""

    folder: Path
    index: int
    count: int

    async def start(self, describe: Callable[[], bytes]) -> None:
        """Answers the others with this process's metrics in Prometheus's text format."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                writer.write(describe())
                await writer.drain()
            writer.close()

        self._path(self.index).unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(answer, self._path(self.index))

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def add_others(self, own: bytes) -> bytes:
        others = [self._ask(index) for index in range(self.count) if index != self.index]
        return add_up([own, *await asyncio.gather(*others)])

    async def _ask(self, index: int) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._path(index))
                try:
                    return await reader.read()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return b""

    def _path(self, index: int) -> Path:
        return self.folder / f"{index}.sock"


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def add_up(texts: Iterable[bytes]) -> bytes:
    """One text of metrics out of those of several processes."""
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for text in texts:
        for family in text_string_to_metric_families(text.decode()):
            families.setdefault(family.name, family)
            found = values.setdefault(family.name, {})
            together = _together(family)
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.items())
                found[key] = together((found[key], sample.value)) if key in found else sample.value
    for name, family in families.items():
        family.samples = []
        for (sample_name, labels), value in values[name].items():
            family.add_sample(sample_name, dict(labels), value)
    return generate_latest(_Families(families.values()))


def _together(family: Metric) -> Callable[[tuple[float, float]], float]:
    if family.type in ADDED or family.name in ADDED_GAUGES:
        return sum
    return min if family.name in LEAST_GAUGES or family.name.endswith("_created") else max
