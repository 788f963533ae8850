"""When ClickHouse refuses a page, find the keys at fault and do the rest: no key holds another one up."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ask0.warehouse.errors import QueryFailed, Refused, TooLarge

MOST_CULPRITS = 10  # of one project in one step; what else of the project is in that page is given up untried

# ClickHouse's error numbers that the statement or the tables are to blame for, whatever the data is.
OURS = {
    8: "THERE_IS_NO_COLUMN",
    10: "NOT_FOUND_COLUMN_IN_BLOCK",
    16: "NO_SUCH_COLUMN_IN_TABLE",
    20: "NUMBER_OF_COLUMNS_DOESNT_MATCH",
    46: "UNKNOWN_FUNCTION",
    47: "UNKNOWN_IDENTIFIER",
    50: "UNKNOWN_TYPE",
    60: "UNKNOWN_TABLE",
    62: "SYNTAX_ERROR",
    81: "UNKNOWN_DATABASE",
    115: "UNKNOWN_SETTING",
    164: "READONLY",
    192: "UNKNOWN_USER",
    193: "WRONG_PASSWORD",
    194: "REQUIRED_PASSWORD",
    218: "TABLE_IS_DROPPED",
    497: "ACCESS_DENIED",
    516: "AUTHENTICATION_FAILED",
}

Key = tuple[str, str]  # project, id


class Culprit(NamedTuple):
    """A user, conversation or guest that ClickHouse does nothing with."""

    kind: str
    key: Key
    message: str


def is_of_the_data(error: Exception) -> bool:
    """Whether a part of the same data may well go through."""
    return isinstance(error, Refused) or (isinstance(error, QueryFailed) and error.code not in OURS)


def isolate(kind: str, keys: Sequence[Key], do: Callable[[Sequence[Key]], object]) -> list[Culprit]:
    """Do it with all the keys and return those it cannot be done with. Raises what waiting may heal, and what is no
    fault of the data: that several projects have culprits and nobody's keys go through is such.

    A page that takes too much memory is halved too. A single key that does is blamed only if it does so by itself, not
    because others take the server's memory.
    """
    search = _Search(kind, do)
    search.run(keys)
    if search.done == 0 and len(search.by_project) > 1 and search.first:
        raise search.first
    return search.culprits


class _Search:
    def __init__(self, kind: str, do: Callable[[Sequence[Key]], object]) -> None:
        self._kind = kind
        self._do = do
        self.done = 0
        self.culprits: list[Culprit] = []
        self.by_project: Counter[str] = Counter()
        self.first: Exception | None = None

    def run(self, keys: Sequence[Key]) -> None:
        keys = self._give_up(keys)
        if not keys:
            return
        try:
            self._do(keys)
            self.done += len(keys)
        except TooLarge as error:
            if len(keys) > 1:
                self._halve(keys)
            elif error.by_itself:
                self._blame(keys[0], str(error))
            else:
                raise
        except Exception as error:
            if not is_of_the_data(error):
                raise
            self.first = self.first or error
            if len(keys) == 1:
                self._blame(keys[0], str(error))
            else:
                self._halve(keys)

    def _halve(self, keys: Sequence[Key]) -> None:
        projects = sorted({key[0] for key in keys})
        if len(projects) > 1:  # between projects first: the neighbours are soon done
            low = set(projects[: len(projects) // 2])
            halves = [key for key in keys if key[0] in low], [key for key in keys if key[0] not in low]
        else:
            halves = list(keys[: len(keys) // 2]), list(keys[len(keys) // 2 :])
        for half in halves:
            self.run(half)

    def _give_up(self, keys: Sequence[Key]) -> Sequence[Key]:
        """Only in a page that was refused before, and only a project that has many culprits already."""
        hopeless = {project for project, count in self.by_project.items() if count >= MOST_CULPRITS}
        if not hopeless:
            return keys
        for key in keys:
            if key[0] in hopeless:
                self._blame(key, f"not tried: ClickHouse refused {MOST_CULPRITS} others of the project")
        return [key for key in keys if key[0] not in hopeless]

    def _blame(self, key: Key, message: str) -> None:
        self.culprits.append(Culprit(self._kind, key, message))
        self.by_project[key[0]] += 1
