"""Where `import` and `demo` send events to, and with which key, when they are not told."""

from typing import NamedTuple

from cli.connection import open_tables
from cli.datadir import running
from cli.errors import Failure
from cli.keys import first_write_key
from schemas.settings import Settings
from warehouse.catalog import load


class Target(NamedTuple):
    url: str
    write_key: str


def find_target(settings: Settings, url: str | None, write_key: str | None) -> Target:
    """Raises Failure when there is nothing to send to."""
    return Target(find_url(settings, url), write_key or _write_key(settings))


def find_url(settings: Settings, url: str | None) -> str:
    """Raises Failure when no address is given and no server runs here."""
    if url:
        return url
    note = running(settings.data_dir)
    if note is None:
        raise Failure(
            f"no server runs on the data folder {settings.data_dir}; start one with `ask0 serve` or name one with --url"
        )
    return note.url


def _write_key(settings: Settings) -> str:
    with open_tables(settings) as warehouse:
        key = first_write_key(load(warehouse), None)
    if not key:
        raise Failure("the catalog has no write key; make one with `ask0 key create`")
    return key
