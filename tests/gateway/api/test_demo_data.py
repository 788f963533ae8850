"""A project that is empty is filled with demo people, and no other one."""

import asyncio
from pathlib import Path

from ask0.schemas.catalog import Project, secret_key
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import running, save, working

PROJECT, SECRET = "proj_filled", "sk_secret_of_filled"
FILL = "/v1/projects/-/demo-data"


def test_an_empty_project_is_filled_once(tmp_path: Path, clickhouse: Warehouse) -> None:
    with running(tmp_path, clickhouse) as gateway, working(gateway, clickhouse):
        headers = {"authorization": f"Bearer {SECRET}"}
        asyncio.run(
            save(gateway.log_dsn, Project(id=PROJECT, name="Filled", created_at=1), secret_key(SECRET, PROJECT, 1))
        )
        wait_for(lambda: gateway.client.get("/v1/projects/-/me", headers=headers).is_success, "the key")
        filled = gateway.client.post(FILL, headers=headers)
        assert (filled.status_code, filled.json()["refused"]) == (202, 0), filled.text
        accepted = filled.json()["accepted"]
        counted = f"SELECT count(), uniqExact(message_id) FROM events WHERE project_id = '{PROJECT}'"
        wait_for(lambda: clickhouse.query(counted) == [(accepted, accepted)], "what was filled in")
        people = f"SELECT count() > 30, countIf(email != '') > 30 FROM users WHERE project_id = '{PROJECT}'"
        wait_for(lambda: clickhouse.query(people) == [(1, 1)], "the people")
        again = gateway.client.post(FILL, headers=headers)
        assert (again.status_code, again.json()["code"]) == (409, "not_empty")
        told = f"SELECT count() FROM audit_log WHERE project_id = '{PROJECT}' AND action = 'demo.filled'"
        wait_for(lambda: clickhouse.query(told) == [(1,)], "the audit log")
