"""The groups of a SQLite log: where each is, how long records are kept for it."""

from pathlib import Path

from ask0.eventlog.log import Group, LogUnavailable
from ask0.eventlog.sqlite_file import LogFile, is_held

LEASE_SECONDS = 3600  # for so long after it was last seen, records are kept for a group that is not lasting
SEEN_SECONDS = 60  # how often a group says that it is there

_ADOPT = "UPDATE groups SET name = ?1 WHERE name = '' AND NOT EXISTS (SELECT 1 FROM groups WHERE name = ?1)"
_JOIN = """
INSERT INTO groups (name, done, lasting, seen)
SELECT ?1, CASE WHEN ?2 THEN next ELSE first END, ?3, unixepoch() FROM (
    SELECT ifnull((SELECT min(offset) FROM records), next) AS first, next
    FROM (SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'records'), 0) + 1 AS next)
) WHERE true
ON CONFLICT (name) DO UPDATE SET lasting = max(lasting, excluded.lasting), seen = excluded.seen"""
_WAITING = "max(ifnull((SELECT max(offset) + 1 FROM records) - done, 0), 0)"
_LAG = f"SELECT ifnull((SELECT {_WAITING} FROM groups WHERE name = ?), 0)"
_LIST = f"SELECT name, {_WAITING}, seen FROM groups WHERE name <> '' ORDER BY name"
_FORGET = f"DELETE FROM groups WHERE NOT lasting AND seen < unixepoch() - {LEASE_SECONDS}"


def join(file: LogFile, group: str, *, at_end: bool, lasting: bool) -> None:
    """A group that is new begins with the first record there is, or with the next. A lasting one that comes first takes
    the place of the workers of format 1."""
    if lasting and not at_end:
        file.write(_ADOPT, (group,))
    file.write(_JOIN, (group, at_end, lasting))


def say_seen(file: LogFile, group: str) -> None:
    file.write("UPDATE groups SET seen = unixepoch() WHERE name = ?", (group,))


def read_lag(file: LogFile, group: str) -> int:
    """Records that the group has not done; none of a group that was forgotten."""
    ((records,),) = file.read(_LAG, (group,))
    return int(records)


def forget_the_gone(file: LogFile) -> None:
    """Of those that are not lasting."""
    file.write(_FORGET)


def list_groups(path: Path) -> list[Group]:
    file = LogFile(path)
    try:
        return [Group(name, lag, is_held(file.path, name), seen) for name, lag, seen in file.read(_LIST)]
    finally:
        file.close()


def drop_group(path: Path, group: str) -> bool:
    """Whether it was there. Raises LogUnavailable while somebody reads in its name."""
    file = LogFile(path)
    try:
        if is_held(file.path, group):
            raise LogUnavailable(f"Somebody reads the log as group {group}: stop that process first.")
        dropped = file.write("DELETE FROM groups WHERE name = ? RETURNING name", (group,))
        Path(f"{file.path}.{group}.lock").unlink(missing_ok=True)
        return bool(dropped)
    finally:
        file.close()
