"""`ask0 quarantine parked` and `resume`: projects that were put aside as a whole, and how they go on."""

import asyncio

import click

from ask0.cli.connection import open_tables
from ask0.cli.environment import read_settings
from ask0.cli.errors import Failure
from ask0.cli.output import echo_json, echo_table
from ask0.eventlog.log import Entry, Log
from ask0.eventlog.open import open_log
from ask0.schemas import records
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.parking import ParkedRecord, count_parked, forget_records, read_parked, read_records, set_parked


@click.command("parked")
@click.option("--json", "as_json", is_flag=True, help="Print the projects as JSON.")
def parked(as_json: bool) -> None:
    """List the projects whose events are put aside, because ClickHouse refused too many of their rows.

    Their events are still taken and kept, and wait for `ask0 quarantine resume`.

    \b
    Example:
      ask0 quarantine parked
    """
    with open_tables(read_settings()) as warehouse:
        reasons, waiting = read_parked(warehouse), count_parked(warehouse)
    projects = sorted(reasons.keys() | waiting.keys())
    events = {id: waiting.get(id, (0, 0))[1] for id in projects}
    if as_json:
        echo_json([{"project_id": id, "events": events[id], "reason": reasons.get(id)} for id in projects])
        return
    rows = [(id, f"{events[id]:,}", reasons.get(id, "resumed, but not all of it is back yet")) for id in projects]
    echo_table(("project", "events waiting", "why"), rows, "No project is parked.")


@click.command("resume")
@click.argument("project_id", metavar="PROJECT")
def resume(project_id: str) -> None:
    """Let a parked project go on: what was put aside is put on the log again, and becomes rows.

    See `ask0 quarantine list --project PROJECT` first, and put right what made ClickHouse refuse its rows; else the
    project is parked again. Stopped half-way, it goes on when it is called again.

    \b
    Example:
      ask0 quarantine resume proj_0199…
    """
    settings = read_settings()
    with open_tables(settings) as warehouse:
        if project_id not in read_parked(warehouse) and project_id not in count_parked(warehouse):
            raise Failure(f"{project_id} is not parked; `ask0 quarantine parked` lists the projects that are")
        set_parked(warehouse, project_id, parked=False)
        events = asyncio.run(_put_back(settings, warehouse, project_id))
    click.echo(f"{project_id} goes on; {events:,} events are on the log again.")


async def _put_back(settings: Settings, warehouse: Warehouse, project_id: str) -> int:
    """How many events. A record is forgotten once it is on the log: its messageIds make a second time harmless."""
    log = open_log(settings.log_dsn, group=settings.kafka_group)
    await log.start()
    events = 0
    try:
        for page in read_records(warehouse, project_id):
            if why := read_parked(warehouse).get(project_id):
                raise Failure(f"{project_id} was parked again after {events:,} events: {why}")
            await _append(log, page)
            forget_records(warehouse, project_id, page[-1])
            events += sum(record.events for record in page)
    finally:
        await log.close()
    return events


async def _append(log: Log, page: list[ParkedRecord]) -> None:
    """Under the key that the gateway gave each record: see gateway/ingest/intake.py."""
    entries = []
    for parked_record in page:
        value = parked_record.value.encode()
        record = records.decode(value)
        key = (
            records.partition_key(record.project_id, record.events[0]) if record.events else record.project_id.encode()
        )
        entries.append(Entry(key, value, parked_record.events))
    await log.append(entries)
