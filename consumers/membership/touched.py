"""Users whose rows were written lately: each version of a row once."""

from collections.abc import Collection

from ask0.consumers.tables.isolation import Key
from ask0.warehouse.connect import Warehouse

# A row's version is taken before it is written: it may be seen after rows with later ones.
SETTLING = 10_000_000  # µs
PAGE, PAGES = 50_000, 10
MOST_PROJECTS = 2_000  # that are named; with more of them all rows are read

READ = f"""
SELECT project_id, id, _version FROM user_rows
WHERE _version > {{reached:UInt64}}
  AND (_version, project_id, id) > ({{version:UInt64}}, {{project:String}}, {{id:String}})
  AND (empty({{projects:Array(String)}}) OR project_id IN {{projects:Array(String)}})
ORDER BY _version, project_id, id LIMIT {PAGE}
SETTINGS max_execution_time = 30, max_threads = 1
"""


class Touched:
    """Everything before the version `reached` was told of."""

    def __init__(self, reached: int) -> None:
        self.reached = reached
        self._seen: dict[Key, int] = {}  # the newest version told of, beyond `reached`
        self._began: int | None = None  # when the looking began that is not at its end yet
        self._last = reached, "", ""  # where it is

    def read(self, warehouse: Warehouse, projects: Collection[str], now: int) -> list[Key]:
        """Who was touched since the last time; at most PAGES · PAGE of them, the others come with the next times. `now`
        is the server's time in µs."""
        named = sorted(projects) if len(projects) <= MOST_PROJECTS else []
        if self._began is None:
            self._began, self._last = now, (self.reached, "", "")
        found: list[Key] = []
        for _ in range(PAGES):
            version, project, id = self._last
            bound = {"reached": self.reached, "version": version, "project": project, "id": id, "projects": named}
            rows = warehouse.query(READ, bound)
            for project_id, user_id, row_version in rows:
                if self._seen.get((project_id, user_id), 0) < row_version:
                    self._seen[project_id, user_id] = row_version
                    found.append((project_id, user_id))
            if len(rows) < PAGE:
                self._settle(self._began - SETTLING)
                self._began = None
                return found
            self._last = rows[-1][2], rows[-1][0], rows[-1][1]
        self._settle(min(self._last[0] - 1, self._began - SETTLING))
        return found

    def forget_before(self, version: int) -> None:
        self._began = None
        self._settle(version)

    def _settle(self, reached: int) -> None:
        if reached > self.reached:
            self.reached = reached
            self._seen = {key: version for key, version in self._seen.items() if version > reached}
