"""Who waits to be put into segments: in turn, each once, and never so many that memory runs out."""

from ask0.consumers.membership import waiting
from ask0.consumers.membership.waiting import Waiting


def test_whoever_waits_keeps_their_place_and_cause() -> None:
    users = Waiting()
    users.add("p", ["a", "b"], "time")
    users.add("p", ["b", "c"], "change")
    assert users.take("p", 2) == {"a": "time", "b": "time"}
    assert users.take("p", 2) == {"c": "change"}
    assert users.projects == []


def test_who_is_given_back_comes_first() -> None:
    users = Waiting()
    users.add("p", ["a", "b"], "change")
    users.give_back("p", users.take("p", 1) | {"z": "time"})
    assert list(users.take("p", 9)) == ["a", "z", "b"]


def test_of_too_many_all_are_looked_at_together() -> None:
    users = Waiting()
    users.add("q", ["a"], "change")
    users.add("p", map(str, range(waiting.MOST + 1)), "change")
    assert users.too_many == {"p"}
    assert users.projects == ["q"]
    assert len(users) == 1
