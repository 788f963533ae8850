"""What a worker says of itself is true while a round fails, runs for long, or leaves a project aside."""

import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from ask0.consumers import health
from ask0.consumers.health import EQUAL_FAILURES, WorkerHealth
from ask0.consumers.tables.step import rows_worker
from ask0.eventlog.sqlite import SqliteLog
from ask0.eventlog.sqlite_reader import SqliteReader
from ask0.warehouse.errors import Unavailable
from tests.consumers.test_worker import Faulty, append, becomes_true, clicks, faulty, log, reader, running

__all__ = ["faulty", "log", "reader"]


def fail(worker: WorkerHealth, step: str, error: Exception, times: int = 1) -> None:
    for _ in range(times):
        try:
            with worker.round(), worker.step(step):
                raise error
        except Exception as raised:
            worker.failed(raised)


def test_a_worker_is_degraded_after_equal_failures_and_says_which() -> None:
    worker = WorkerHealth()
    fail(worker, "facts", Unavailable("away"), EQUAL_FAILURES - 1)
    assert worker.report() == {"status": "ok"}
    fail(worker, "facts", Unavailable("away again"))
    assert worker.report() == {
        "status": "degraded",
        "failing": {"step": "facts", "error": "Unavailable", "times": EQUAL_FAILURES},
    }
    fail(worker, "snapshots", Unavailable("away"))
    assert worker.report()["status"] == "ok", "another failure than before: it got further"
    fail(worker, "snapshots", Unavailable("away"), EQUAL_FAILURES)
    worker.succeeded()
    assert worker.report() == {"status": "ok"}


def test_a_round_that_runs_for_long_is_shown_with_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LONG_SECONDS", 0.0)
    worker = WorkerHealth()
    with worker.round(), worker.step("reown"):
        report = worker.report()
        assert (report["status"], report["running"]["step"]) == ("degraded", "reown")
    assert worker.report() == {"status": "ok"}


async def test_lag_freshness_and_readiness_are_true_while_a_round_fails(
    log: SqliteLog, reader: SqliteReader, faulty: Faulty
) -> None:
    registry = CollectorRegistry()
    away = threading.Event()
    away.set()
    faulty.fault = lambda table: Unavailable("away") if table == "user_facts" and away.is_set() else None
    worker = rows_worker(reader, faulty, registry)
    await append(log, clicks("a"))
    async with running(worker):
        await becomes_true(lambda: worker.health.report()["status"] == "degraded")
        assert worker.health.report()["failing"]["step"] == "facts"
        await append(log, clicks("b"), clicks("c"))
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_lag_records") == 3)
        fresh = registry.get_sample_value("ask0_worker_freshness_seconds") or 0
        await becomes_true(lambda: (registry.get_sample_value("ask0_worker_freshness_seconds") or 0) > fresh)
        away.clear()
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_lag_records") == 0)
        await becomes_true(lambda: worker.health.report() == {"status": "ok"})


async def test_the_lag_grows_in_the_metric_while_one_round_runs(
    log: SqliteLog, reader: SqliteReader, faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ask0.consumers.worker.LAG_SECONDS", 0.01)
    registry = CollectorRegistry()
    goes_on = threading.Event()
    faulty.fault = lambda table: None if goes_on.wait(60) else None
    await append(log, clicks("a"))
    async with running(rows_worker(reader, faulty, registry)):
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_lag_records") == 1)
        await append(log, clicks("b"), clicks("c"))
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_lag_records") == 3)
        goes_on.set()
        await becomes_true(lambda: registry.get_sample_value("ask0_worker_lag_records") == 0)
