"""Users who wait to be put into their segments, by project: those of one project hold up nobody else's."""

from collections.abc import Iterable, Mapping

from ask0.schemas.segment_moves import Cause

MOST = 50_000  # of a project; with more, all of its users are looked at together


class Waiting:
    def __init__(self) -> None:
        self._users: dict[str, dict[str, Cause]] = {}
        self.too_many: set[str] = set()  # projects that have had more than MOST

    def __len__(self) -> int:
        return sum(map(len, self._users.values()))

    @property
    def projects(self) -> list[str]:
        return list(self._users)

    def add(self, project_id: str, users: Iterable[str], cause: Cause) -> None:
        """Whoever waits already keeps their place and cause."""
        own = self._users.setdefault(project_id, {})
        for user_id in users:
            own.setdefault(user_id, cause)
        self._check(project_id, own)

    def give_back(self, project_id: str, users: Mapping[str, Cause]) -> None:
        """To the front."""
        own = self._users[project_id] = {**users, **self._users.get(project_id, {})}
        self._check(project_id, own)

    def take(self, project_id: str, most: int) -> dict[str, Cause]:
        own = self._users.get(project_id, {})
        taken = {user_id: own.pop(user_id) for user_id in list(own)[:most]}
        if not own:
            self._users.pop(project_id, None)
        return taken

    def forget(self, project_id: str) -> None:
        self._users.pop(project_id, None)

    def _check(self, project_id: str, own: Mapping[str, Cause]) -> None:
        if len(own) > MOST:
            self.too_many.add(project_id)
            self.forget(project_id)
        elif not own:
            self.forget(project_id)
