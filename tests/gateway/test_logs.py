"""Logs: one JSON object a line, and nothing in them that a sender sent."""

import json
import logging
from pathlib import Path

import pytest

from ask0.cli.logs import OURS, JsonLines, configure_logs
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import put_in_the_way, running, track

CANARY = "wk_canary_in_the_mine"


def test_a_line_says_when_what_and_where_but_not_what_an_exception_quoted() -> None:
    try:
        raise ValueError("john@example.com")
    except ValueError as error:
        record = logging.LogRecord(
            "gateway", logging.ERROR, __file__, 1, "failed", None, (type(error), error, error.__traceback__)
        )
    record.request_id = "abc"
    record.user = "john"
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["logger"], line["message"], line["request_id"]) == ("error", "gateway", "failed", "abc")
    assert line["exception"] == "ValueError"
    assert line["at"][-1].startswith("test_logs.py:")
    assert "john" not in json.dumps(line)


def test_no_key_and_no_trait_reaches_the_log(
    clickhouse: Warehouse, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loggers = [logging.getLogger(name) for name in ("", "uvicorn", OURS)]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    configure_logs("debug")
    try:
        assert logging.getLogger("ask0.gateway.app").isEnabledFor(logging.DEBUG)
        with running(tmp_path, clickhouse):
            pass
        put_in_the_way(tmp_path)
        with running(tmp_path, clickhouse) as gateway:
            for path in (
                f"/track?writeKey={CANARY}",
                f"/v1/projects/{CANARY}/settings",
                f"/snippet.js?writeKey={CANARY}",
            ):
                gateway.post(path, track(properties={"email": CANARY}), key=None)
                gateway.client.get(path)
            gateway.post("/track", track(properties={"email": CANARY}))  # 503: the log is away
            gateway.raw(b"GET /?writeKey=%s BAD\r\n\r\n" % CANARY.encode())
            monkeypatch.setattr("ask0.gateway.ingest.endpoint.parse_event", lambda raw, **_: raw[CANARY])
            assert gateway.post("/track", track(userId=7, properties={"email": CANARY})).status_code == 500
    finally:
        for logger, handlers, level in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)
    written = capfd.readouterr().err
    assert "a request failed unexpectedly" in written
    assert "the log cannot take events" in written
    assert CANARY not in written
    for line in written.splitlines():
        assert json.loads(line)["level"]
