"""Structured logs: one JSON object a line on stderr, without keys and personal data."""

import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

import orjson

OURS = "ask0"
FIELDS = ("request_id", "error", "signal", "address")  # of `extra`, the only ones that are written


class JsonLines(logging.Formatter):
    """Of an exception only its type and where it came from: its message may quote what a client sent."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["at"] = _frames(record.exc_info[2])
        return orjson.dumps(line, default=str).decode()


def configure_logs(level: str) -> None:
    """For the whole process. Others' loggers, which would write addresses with keys in them, are heard from warnings
    on; uvicorn's, which warns of every malformed request, from errors on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.getLogger(OURS).setLevel(level.upper())


def _frames(trace: TracebackType | None) -> list[str]:
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
