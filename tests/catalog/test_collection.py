"""Documents of one kind in memory: as the stream says, in whatever order, and read no oftener than needed."""

from collections.abc import Sequence
from pathlib import Path

from ask0.catalog.collection import Collection
from ask0.catalog.deactivations import KIND, Deactivations
from ask0.catalog.documents import write_document
from ask0.catalog.replica import Replica
from ask0.schemas.documents import Deactivation, subject_of
from tests.eventlog.homes import Home, started


async def deactivate(
    replica: Replica, project: str, user: str, guests: Sequence[str] = (), *, lift: bool = False
) -> None:
    document = Deactivation(project_id=project, user_id=user, anonymous_ids=tuple(guests), at=1)
    await write_document(
        replica,
        KIND,
        subject_of(project, user),
        None if lift else document,
        project_id=project,
        action="test",
        actor="test",
        request="",
        id=f"{project}-{user}-{replica.state.position}",
        expects={},
    )


async def test_it_is_what_the_stream_says_and_the_same_after_a_restart(home: Home, tmp_path: Path) -> None:
    async with started(Replica(home.open_control(), tmp_path)) as replica:
        found = Deactivations(replica)
        await deactivate(replica, "p", "ada", ["one", "shared"])
        await deactivate(replica, "p", "ben", ["shared"])
        await deactivate(replica, "q", "ada")
        assert set(found.ids("p")) == {"ada", "ben", "g-one", "g-shared"}
        assert set(found.ids("q")) == {"ada"}
        await deactivate(replica, "p", "ada", lift=True)
        assert set(found.ids("p")) == {"ben", "g-shared"}
        assert set(found.ids("nowhere")) == set()
        await deactivate(replica, "p", "ben", ["other"])
    async with started(Replica(home.open_control(), tmp_path)) as replica:
        again = Deactivations(replica)
        assert set(again.ids("p")) == set(found.ids("p")) == {"ben", "g-other"}
        assert again.of("p").keys() == {"p/ben"}
        assert again.get("q", "p/ben") is None


class Counting(Collection[Deactivation]):
    def __init__(self, replica: Replica) -> None:
        self.replacements = 0
        super().__init__(replica, KIND, Deactivation)

    def replaced(self, before: Deactivation | None, after: Deactivation | None) -> None:
        self.replacements += 1


async def test_a_change_costs_what_it_changes_and_not_what_is_there(sqlite_home: Home) -> None:
    async with started(Replica(sqlite_home.open_control())) as replica:
        for number in range(20):
            await deactivate(replica, "p", f"u{number}")
        found = Counting(replica)
        assert found.replacements == 20
        await deactivate(replica, "p", "u1", ["g"])
        await deactivate(replica, "p", "new")
        assert found.replacements == 22
        assert len(found.of("p")) == 21
