"""The names of properties that a project has used: so many become paths of the JSON columns, and no more.

Each path costs the tables files, memory and time, also those of other projects. A name over the bound is left out of
the column and counted; the event keeps it in the text beside it.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

import orjson

from ask0.consumers.folds.events import Fit
from ask0.consumers.folds.json_columns import Fitted, Node, fit, known_shape
from ask0.schemas.reasons import LeftOut
from ask0.warehouse.connect import Warehouse

MAX_PROJECT_NAMES = 2_000  # of properties, and as many of contexts; nested names and lists' items count each
MAX_NAME_BYTES = 1_000  # of a name with those above it
DAYS = 30  # after which a name is counted anew
MAX_KEPT_NAMES = 500_000  # in a worker's memory, of all projects together
REFRESH_SECONDS = 600.0  # how old the memory of a project may be: other workers learn names too

COLUMNS = ("properties", "context")
KNOWN = f"""
SELECT project_id, column, name FROM property_names
WHERE project_id IN {{projects:Array(String)}} AND first_seen > now() - INTERVAL {DAYS} DAY
GROUP BY project_id, column, name
ORDER BY min(first_seen) LIMIT {MAX_PROJECT_NAMES} BY project_id, column
"""
PROJECTS_AT_ONCE = 500


class ColumnNames:
    """The names of one column of one project; see `folds.json_columns.Names`."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.root: Node = {}
        self.count = 0
        self.new: list[str] = []
        self.knows: Callable[[bytes], bool] = known_shape({})
        self._learned = 0  # how many of the names it knows
        for name in names:
            node = self.root
            for key in orjson.loads(name):
                node = node.setdefault(key, {})
            self.count += 1

    def learn(self) -> None:
        """What was added is known at once from now on."""
        if self._learned != self.count:
            self.knows, self._learned = known_shape(self.root), self.count

    def add(self, node: Node, path: tuple[str | None, ...]) -> Node | None:
        if self.count >= MAX_PROJECT_NAMES or sum(len(key) for key in path if key) > MAX_NAME_BYTES:
            return None
        name = orjson.dumps(path)
        if len(name) > MAX_NAME_BYTES:
            return None
        self.count += 1
        self.new.append(name.decode())
        below: Node = {}
        node[path[-1]] = below
        return below


class ProjectNames:
    """Of each project that a worker has met lately. Several workers may go over the bound by what each adds."""

    def __init__(self) -> None:
        self._columns: dict[str, dict[str, ColumnNames]] = {}  # by project, the one met first being the first
        self._loaded: dict[str, float] = {}
        self.left_out: Counter[str] = Counter()

    def begin(self, warehouse: Warehouse, projects: Collection[str]) -> None:
        """A round, which may be the repeat of one: the projects' names are known afterwards."""
        self.left_out.clear()
        now = time.monotonic()
        old = [project for project in projects if now - self._loaded.get(project, float("-inf")) > REFRESH_SECONDS]
        for start in range(0, len(old), PROJECTS_AT_ONCE):
            self._load(warehouse, old[start : start + PROJECTS_AT_ONCE], now)
        self._forget(projects)

    def fit_for(self, project_id: str) -> Fit:
        """What decides for the events of the project, by column."""
        columns = self._columns[project_id]
        for names in columns.values():
            names.learn()

        def fit_one(column: str, raw: bytes) -> Fitted:
            fitted = fit(raw, columns[column])
            if fitted.left_out:
                self.left_out[LeftOut.TOO_MANY_NAMES] += fitted.left_out
            return fitted

        return fit_one

    def save(self, warehouse: Warehouse, token: str) -> None:
        """Harmless twice."""
        new = [
            (project, column, name)
            for project, columns in self._columns.items()
            for column, names in columns.items()
            for name in names.new
        ]
        if not new:
            return
        projects, columns, texts = map(list, zip(*new, strict=True))
        now = time.time_ns() // 1_000_000
        warehouse.insert(
            "property_names",
            {"project_id": projects, "column": columns, "name": texts, "first_seen": [now] * len(new)},
            token=f"{token}:names",
        )
        for each in self._columns.values():
            for names in each.values():
                names.new.clear()

    def _load(self, warehouse: Warehouse, projects: Collection[str], now: float) -> None:
        found: dict[tuple[str, str], list[str]] = {}
        for project, column, name in warehouse.query(KNOWN, {"projects": list(projects)}):
            found.setdefault((project, column), []).append(name)
        for project in projects:
            unsaved: Mapping[str, ColumnNames] = self._columns.pop(project, {})
            self._columns[project] = {column: ColumnNames(found.get((project, column), ())) for column in COLUMNS}
            self._loaded[project] = now
            for column, names in unsaved.items():
                self._columns[project][column].new = names.new

    def _forget(self, needed: Collection[str]) -> None:
        """The projects that were met first, while there are too many names."""
        total = sum(names.count for columns in self._columns.values() for names in columns.values())
        for project in list(self._columns):
            if total <= MAX_KEPT_NAMES:
                return
            if project not in needed:
                total -= sum(names.count for names in self._columns.pop(project).values())
                del self._loaded[project]
