"""Places for what goes on at once: so many of a project, and so many of a process. Whoever gets none is told to come
back."""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import NamedTuple


class Bound(NamedTuple):
    of_project: int
    at_once: int


class Taken(Exception):
    """There is no place: `what` is taken already, or as many are taken of its project, or of all."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


ITSELF, PROJECT, ALL = "itself", "project", "all"


class Places:
    """For one event loop."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._of_project: Counter[str] = Counter()
        self._named: set[Hashable] = set()

    def take(self, project_id: str, name: Hashable = None) -> Callable[[], None]:
        """To give the place back, any number of times. What has a name is there once. Raises Taken."""
        if name is not None and name in self._named:
            raise Taken(ITSELF)
        if self._of_project.get(project_id, 0) >= self._bound.of_project:
            raise Taken(PROJECT)
        if self._of_project.total() >= self._bound.at_once:
            raise Taken(ALL)
        self._of_project[project_id] += 1
        if name is not None:
            self._named.add(name)
        is_taken = True

        def give_back() -> None:
            nonlocal is_taken
            if not is_taken:
                return
            is_taken = False
            self._named.discard(name)
            self._of_project[project_id] -= 1
            if not self._of_project[project_id]:
                del self._of_project[project_id]

        return give_back
