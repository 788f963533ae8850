"""`ask0 doctor`: looks at everything that Ask0 needs, and tries the one thing all counts rest on."""

import asyncio
import os
import platform
import stat
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, NamedTuple
from uuid import uuid4

import click
import httpx
from pydantic import SecretStr

from ask0.cli.connection import open_warehouse
from ask0.cli.datadir import running
from ask0.cli.environment import read_settings
from ask0.cli.errors import FAILED, Failure
from ask0.cli.output import echo_json, echo_table
from ask0.eventlog.log import Group, LogUnavailable
from ask0.eventlog.open import list_groups, open_log
from ask0.schemas.settings import PREFIX, Settings
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.errors import QueryFailed, Refused, Unavailable
from ask0.warehouse.migrate import SchemaMismatch, pending

GONE_SECONDS = 86_400
PACKAGES = ("ask0", "chdb-core", "clickhouse-connect", "aiokafka", "uvicorn", "starlette")


class Check(NamedTuple):
    name: str
    status: Literal["ok", "warning", "failed"]
    found: str


class Wrong(Exception):
    """A check found something that must be put right. The message says what to do."""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the checks and settings as JSON.")
def command(as_json: bool) -> None:
    """Check versions, settings, the data folder, the log, ClickHouse and its deduplication.

    It looks through the server's eyes if `ask0 serve` runs on the data folder. Exits 1 if a check failed.

    \b
    Example:
      ask0 doctor
      ask0 doctor --json | jq '.checks[] | select(.status != "ok")'
    """
    settings = read_settings()
    checks = list(_checks(settings))
    shown = dict(_shown(settings))
    if as_json:
        echo_json({"checks": [check._asdict() for check in checks], "settings": shown})
    else:
        echo_table(("check", "result", "found"), [(check.name, check.status, check.found) for check in checks], "")
        click.echo()
        echo_table(("setting", "value"), list(shown.items()), "")
    if any(check.status == "failed" for check in checks):
        raise click.exceptions.Exit(FAILED)


def _checks(settings: Settings) -> Iterator[Check]:
    yield Check("python", "ok", platform.python_version())
    yield Check("packages", "ok", ", ".join(f"{name} {_version(name)}" for name in PACKAGES))
    yield _folder(settings.data_dir)
    yield _try("log", lambda: _log(settings))
    yield _groups(settings)
    try:
        with open_warehouse(settings) as warehouse:
            yield _try("clickhouse", lambda: f"{warehouse.query('SELECT version()')[0][0]}")
            yield _try("migrations", lambda: _migrations(warehouse))
            yield _try("deduplication", lambda: _deduplication(warehouse))
    except (Failure, Unavailable) as error:
        yield Check("clickhouse", "failed", str(error))


def _try(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", check())
    except (Wrong, Unavailable, QueryFailed, Refused, SchemaMismatch, LogUnavailable, httpx.HTTPError) as error:
        return Check(name, "failed", " ".join(str(error).split()) or type(error).__name__)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"  # of our own, when it runs from the tree


def _folder(data_dir: Path) -> Check:
    if not data_dir.exists():
        return Check("data folder", "ok", f"{data_dir.absolute()} will be made at the first start")
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        return Check("data folder", "failed", f"{data_dir.absolute()} cannot be written by this user; chown it")
    mode = stat.S_IMODE(data_dir.stat().st_mode)
    if mode & 0o077:
        return Check("data folder", "warning", f"{data_dir.absolute()} is open to others; chmod 700 it")
    return Check("data folder", "ok", f"{data_dir.absolute()}, for this user only")


def _log(settings: Settings) -> str:
    note = running(settings.data_dir)
    if note:
        state: dict[str, Any] = httpx.get(f"{note.url}/health/ready", timeout=10, trust_env=False).json()
        if state.get("log") not in (True, "ok"):
            raise Wrong(f"the running server says: {state}")
        return f"the running server (pid {note.pid}) takes events"

    async def look() -> None:
        log = open_log(settings.log_dsn, group=settings.kafka_group)
        try:
            await log.start()
            await log.check()
        finally:
            await log.close()

    asyncio.run(look())
    return f"{settings.log_dsn} takes events"


def _groups(settings: Settings) -> Check:
    """Of the workers, a warning is due at once; of others, when they are long gone and records are kept for them."""
    try:
        groups = asyncio.run(list_groups(settings.log_dsn))
    except LogUnavailable as error:
        return Check("groups", "failed", str(error))
    gone = [group for group in groups if not group.live and group.lag and _is_long_gone(group, settings)]
    if gone:
        away = ", ".join(f"{group.name} ({group.lag:,} records wait for it)" for group in gone)
        return Check("groups", "warning", f"away: {away}; start it again, or `ask0 group drop` what nobody needs")
    found = ", ".join(f"{group.name} ({'reads' if group.live else 'away'}, {group.lag:,} waiting)" for group in groups)
    return Check("groups", "ok", found or "nobody has read the log yet")


def _is_long_gone(group: Group, settings: Settings) -> bool:
    """Where the log does not tell since when, whoever is away now is taken for long gone."""
    return group.name == settings.kafka_group or group.seen is None or time.time() - group.seen > GONE_SECONDS


def _migrations(warehouse: Warehouse) -> str:
    if missing := pending(warehouse):
        raise Wrong(f"{len(missing)} missing: {', '.join(missing)}; run `ask0 migrate`")
    return "none is missing"


def _deduplication(warehouse: Warehouse) -> str:
    """Inserts one block twice with one token, into a table of its own."""
    table = f"doctor_{uuid4().hex}"
    warehouse.command(
        f"CREATE TABLE {table} (n UInt8) ENGINE = MergeTree ORDER BY n "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    try:
        for token in ("first", "first", "second"):
            warehouse.insert(table, {"n": [1]}, token=token)
        rows = warehouse.query(f"SELECT count() FROM {table}")[0][0]
    finally:
        warehouse.command(f"DROP TABLE {table}")
    if rows != 2:
        raise Wrong(f"two different inserts and one repeated left {rows} rows, not 2: counts would be wrong")
    return "an insert repeated with its token is stored once"


def _shown(settings: Settings) -> Iterator[tuple[str, str]]:
    for field in Settings.model_fields:
        value = getattr(settings, field)
        secret = isinstance(value, SecretStr)
        yield f"{PREFIX}{field}".upper(), ("set" if value.get_secret_value() else "") if secret else _masked(str(value))


def _masked(value: str) -> str:
    """An address without the password in it."""
    scheme, mark, rest = value.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{user.partition(':')[0]}:…@{host}" if mark and at else value
