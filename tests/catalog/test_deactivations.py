"""What is written so that somebody is deactivated, or let in again."""

import pytest

from ask0.catalog import deactivations
from ask0.catalog.deactivations import KIND, Deactivations, Wanted
from ask0.catalog.documents import write_document
from ask0.catalog.errors import TooManyDeactivated
from ask0.catalog.replica import Replica
from tests.eventlog.homes import Home, started

ADA = {"id": "ada", "anonymousIds": ["one", "two"]}


async def write(replica: Replica, project_id: str, wanted: Wanted) -> None:
    await write_document(
        replica,
        KIND,
        wanted.subject,
        wanted.body,
        project_id=project_id,
        action=wanted.action,
        actor="test",
        request="",
        id=f"{wanted.subject}-{replica.state.position}",
        expects={},
    )


async def test_it_is_of_who_is_left_and_of_the_guests_known_then(sqlite_home: Home) -> None:
    async with started(Replica(sqlite_home.open_control())) as replica:
        found = Deactivations(replica)
        await write(replica, "p", found.to_deactivate("p", "g-one", ADA, "spam"))
        await write(replica, "p", found.to_deactivate("p", "anyone", None, ""))
        assert set(found.ids("p")) == {"ada", "g-one", "g-two", "anyone"}
        assert found.of("p")["p/ada"].document.reason == "spam"


async def test_what_stands_of_the_id_and_of_the_user_is_lifted_and_nothing_else(sqlite_home: Home) -> None:
    async with started(Replica(sqlite_home.open_control())) as replica:
        found = Deactivations(replica)
        for id, profile in (("g-one", None), ("ada", ADA), ("ben", None)):
            await write(replica, "p", found.to_deactivate("p", id, profile, ""))
        await write(replica, "q", found.to_deactivate("q", "ada", ADA, ""))
        assert [one.subject for one in found.to_reactivate("p", "ada", ADA)] == ["p/ada"]
        wanted = found.to_reactivate("p", "g-one", ADA)
        assert wanted == [Wanted(f"p/{id}", None, "user.reactivated") for id in ("ada", "g-one")]
        for one in wanted:
            await write(replica, "p", one)
        assert (set(found.ids("p")), found.to_reactivate("p", "g-one", ADA)) == ({"ben"}, [])
        assert "ada" in found.ids("q")


async def test_a_project_has_so_many_at_most(sqlite_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deactivations, "MAX_DEACTIVATED", 2)
    async with started(Replica(sqlite_home.open_control())) as replica:
        found = Deactivations(replica)
        for id in ("ada", "ben"):
            await write(replica, "p", found.to_deactivate("p", id, None, ""))
        with pytest.raises(TooManyDeactivated, match="at most 2"):
            found.to_deactivate("p", "cleo", None, "")
        assert found.to_deactivate("p", "ada", ADA, "again").subject == "p/ada", "one who is among them may be again"
        assert found.to_deactivate("q", "cleo", None, "").subject == "q/cleo"
