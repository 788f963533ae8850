"""Where `import` and `demo` send events to, and with which key, when they are not told."""

from typing import NamedTuple

from ask0.catalog.keys import first_write_key
from ask0.cli.datadir import running
from ask0.cli.documents import read_catalog
from ask0.cli.errors import Failure
from ask0.schemas.settings import Settings


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
    key = first_write_key(read_catalog(settings), None)
    if not key:
        raise Failure("the catalog has no write key; make one with `ask0 key create`")
    return key
