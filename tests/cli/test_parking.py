"""A project whose rows ClickHouse refuses is put aside by the running product, shown, and goes on after a fix."""

import asyncio

from ask0.cli.datadir import running
from ask0.eventlog.log import WORKERS, Entry
from ask0.eventlog.open import open_log
from ask0.schemas.settings import Settings
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.cli.processes import Server
from tests.consumers.beacons import event, record
from tests.consumers.tables.test_poison import bad_records

PROJECT = "proj_poisoned"


def put_on_the_log(server: Server, values: list[bytes]) -> None:
    async def put() -> None:
        log = open_log(Settings.from_environ(server.settings).log_dsn, group=WORKERS)
        await log.start()
        await log.append([Entry(b"key", value, 1) for value in values])
        await log.close()

    asyncio.run(put())


def waiting(server: Server) -> dict[str, int]:
    """Events that are put aside, by project."""
    return {row["project_id"]: row["events"] for row in server.run("quarantine", "parked", "--json").json}


def test_a_poisoned_project_is_parked_shown_and_resumed_while_others_flow(server: Server) -> None:
    good = record(event(userId="good", messageId="good", event="Clicked"), project=PROJECT)
    put_on_the_log(server, [good, *bad_records(50, PROJECT)])
    wait_for(lambda: waiting(server) == {PROJECT: 51}, "the project to be parked with all its events")
    ((listed),) = server.run("quarantine", "parked", "--json").json
    assert "refused" in listed["reason"]
    assert PROJECT in server.run("quarantine", "parked").out
    wait_for(lambda: server.ready()["status"] == "degraded", "readiness to say so")
    ready = server.ready()
    assert (ready["log"], ready["worker"]["parked"]) == ("ok", [PROJECT])
    assert server.post([{"type": "track", "event": "Flows", "userId": "u", "messageId": "flows"}]).status_code == 200
    wait_for(lambda: server.query("SELECT event FROM events WHERE message_id = 'flows'") == "Flows", "the neighbour")

    assert server.run("quarantine", "resume", PROJECT).code == 0
    wait_for(
        lambda: waiting(server) == {PROJECT: 51} and server.ready()["status"] == "degraded", "it to be parked again"
    )

    note = running(Settings.from_environ(server.settings).data_dir)
    assert note
    with Warehouse(note.clickhouse) as warehouse:
        mend = "ALTER TABLE parked_records UPDATE record = replaceAll(record, '1e400', '1') WHERE 1"
        warehouse.command(mend, settings={"mutations_sync": 2})
    resumed = server.run("quarantine", "resume", PROJECT)
    assert (resumed.code, "51 events" in resumed.out) == (0, True), resumed
    stored = f"SELECT count(), uniqExact(message_id) FROM events WHERE project_id = '{PROJECT}'"
    wait_for(lambda: server.query(stored) == "51\t51", "its events, each once")
    wait_for(lambda: server.ready()["status"] == "ok", "readiness to be well")
    assert server.run("quarantine", "parked").out.strip() == "No project is parked."
    again = server.run("quarantine", "resume", PROJECT)
    assert (again.code, len(again.err.splitlines())) == (1, 1)
