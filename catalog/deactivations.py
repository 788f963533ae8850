"""Who is deactivated: in memory, so that it is obeyed at once, also while ClickHouse is away."""

from collections import Counter
from collections.abc import Collection as Several

from ask0.catalog.collection import Collection
from ask0.catalog.replica import Replica
from ask0.schemas.documents import Deactivation
from ask0.schemas.ids import guest_id

KIND = "deactivation"
NOBODY: Several[str] = frozenset()


class Deactivations(Collection[Deactivation]):
    def __init__(self, replica: Replica) -> None:
        self._ids: dict[str, Counter[str]] = {}
        super().__init__(replica, KIND, Deactivation)

    def ids(self, project_id: str) -> Several[str]:
        """Of users, and of the guests that they were when it was done."""
        return self._ids.get(project_id, NOBODY)

    def replaced(self, before: Deactivation | None, after: Deactivation | None) -> None:
        """A guest may have been several users: each of them counts."""
        if before:
            ids = self._ids[before.project_id]
            for id in _ids_of(before):
                ids[id] -= 1
                if not ids[id]:
                    del ids[id]
        if after:
            self._ids.setdefault(after.project_id, Counter()).update(_ids_of(after))


def _ids_of(one: Deactivation) -> set[str]:
    return {one.user_id, *map(guest_id, one.anonymous_ids)}
