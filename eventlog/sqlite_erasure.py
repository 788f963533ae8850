"""Records that are gone from the file of a SQLite log without a trace: no page and no journal has them."""

import time
from pathlib import Path

from ask0.eventlog.sqlite_file import LogFile
from ask0.eventlog.sqlite_groups import forget_the_gone

_RECORDS_AT_ONCE = 500  # appends wait for each piece
_PAGES_AT_ONCE = 2_000
_ATTEMPTS = 50  # at the journal, which a reader may hold for a moment
_WAIT_SECONDS = 0.1

_DONE_BY_ALL = "SELECT ifnull(min(done), 0) FROM groups"
_NEXT = (
    f"SELECT max(offset) FROM (SELECT offset FROM records WHERE offset <= ? ORDER BY offset LIMIT {_RECORDS_AT_ONCE})"
)


def forget_records(path: Path, log_id: str, through: int) -> None:
    """Those up to an offset, as far as all groups have done them. Raises LogUnavailable."""
    file = LogFile(path, log_id)
    try:
        file.read("PRAGMA secure_delete = ON")
        forget_the_gone(file)
        ((done,),) = file.read(_DONE_BY_ALL)
        through = min(through, done - 1)
        while (last := file.read(_NEXT, (through,))[0][0]) is not None:
            file.write("DELETE FROM records WHERE offset <= ?", (last,))
        while file.read("PRAGMA freelist_count")[0][0]:  # pages that were freed before still have what was on them
            file.shrink(_PAGES_AT_ONCE, 0)
        _empty_journal(file)
    finally:
        file.close()


def _empty_journal(file: LogFile) -> None:
    for _ in range(_ATTEMPTS):
        ((busy, _, _),) = file.write("PRAGMA wal_checkpoint(TRUNCATE)")
        if not busy:
            return
        time.sleep(_WAIT_SECONDS)
