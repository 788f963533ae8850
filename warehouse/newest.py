"""Pages of rows of which newer versions may be stored too: FINAL, which would hide the old ones, takes longer than all
the rest. So a page reads candidates of any version, and then looks which of them are the newest."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

MOST_CANDIDATES = 1_000
RENEWED_AT_ONCE = 50

Row = dict[str, Any]


class Candidate(NamedTuple):
    """A row of some version, and where it stands in the order of the list."""

    place: Any
    id: str
    version: int


class Source(Protocol):
    """Of a list: its rows of any version, in its order, and the newest row of an id."""

    def candidates(self, beyond: Any, most: int, ids: Sequence[str] | None = None) -> Sequence[Candidate]:
        """Those beyond a place, or from the beginning; only of some ids, if they are given. Of several versions in one
        place the newest comes first, as what comes after is read beyond that place."""

    def rows(self, ids: Sequence[str]) -> Mapping[str, Row]:
        """With their `_version`, by id."""


def read_newest(source: Source, limit: int) -> list[tuple[Any, Row]]:
    """Places and rows of the first `limit` that are the newest of their id; fewer when there are no more."""
    found: list[tuple[Any, Row]] = []
    beyond: Any = None
    step = limit
    while len(found) < limit:
        candidates = source.candidates(beyond, step)
        rows = source.rows(list(dict.fromkeys(candidate.id for candidate in candidates)))
        renewed = _read_renewed(source, beyond, candidates, rows)
        for place, id, version in candidates:
            row = rows.get(id)
            is_newest = row is not None and (row["_version"] == version or renewed.get(id) == place)
            is_repeat = bool(found) and found[-1][0] == place  # the row was stored twice, after a crash
            if row and is_newest and not is_repeat:
                found.append((place, row))
        if len(candidates) < step:
            break
        beyond = candidates[-1].place
        step = min(2 * step, MOST_CANDIDATES)
    return found[:limit]


def _read_renewed(
    source: Source, beyond: Any, candidates: Sequence[Candidate], rows: Mapping[str, Row]
) -> dict[str, Any]:
    """Where those stand by now whose newest row is no candidate: it may be one that was written after the candidates
    were read, in the same place."""
    seen = {(candidate.id, candidate.version) for candidate in candidates}
    ids = [id for id, row in rows.items() if (id, row["_version"]) not in seen]
    places: dict[str, Any] = {}
    for start in range(0, len(ids), RENEWED_AT_ONCE):
        for again in source.candidates(beyond, MOST_CANDIDATES, ids[start : start + RENEWED_AT_ONCE]):
            if again.version >= rows[again.id]["_version"]:
                places[again.id] = again.place
    return places
