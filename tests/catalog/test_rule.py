"""What a change comes to, whoever decides it."""

import msgspec
import pytest

from ask0.catalog import rule
from ask0.catalog.rule import State, adopt
from ask0.schemas import changes
from ask0.schemas.changes import NewerVersion
from tests.catalog import replicas
from tests.catalog.replicas import bodies


def change(id: str, body: object = None, subject: str = "a", **expects: int) -> bytes:
    return changes.encode(replicas.change(subject, body, id=id, **expects))


def adopted(*values: bytes) -> State:
    state = State()
    for position, value in enumerate(values, 1):
        adopt(state, position, value)
    return state


def test_a_document_has_the_version_of_the_change_that_made_it() -> None:
    state = adopted(change("1", "x"), change("2", "y", subject="b"))
    assert bodies(state) == {"a": "x", "b": "y"}
    assert (state.version_of("thing", "a"), state.version_of("thing", "b"), state.versions["thing"]) == (1, 2, 2)


def test_of_two_changes_made_from_one_version_the_first_stands() -> None:
    state = adopted(change("1", "x", thing__a=0), change("2", "y", thing__a=1), change("3", "z", thing__a=1))
    assert bodies(state) == {"a": "y"}
    assert state.outcomes["2"].stands
    assert state.outcomes["3"].moved == "thing/a"


def test_a_change_may_expect_that_nothing_of_its_kind_changed() -> None:
    state = adopted(change("1", "x"), change("2", "y", subject="b", thing=0), change("3", "z", subject="b", thing=1))
    assert bodies(state) == {"a": "x", "b": "z"}


def test_a_repeated_change_has_its_first_outcome() -> None:
    state = adopted(change("1", "x", thing__a=0), change("1", "other"), change("2", "y", thing__a=0), change("2", "z"))
    assert bodies(state) == {"a": "x"}
    assert (state.outcomes["1"].position, state.outcomes["2"].position, state.position) == (1, 3, 4)


def test_a_deleted_document_keeps_a_version() -> None:
    state = adopted(change("1", "x"), change("2"), change("3", "y", thing__a=0), change("4", "z", thing__a=2))
    assert bodies(state) == {"a": "z"}
    assert state.outcomes["3"].moved == "thing/a"


def test_an_outcome_keeps_what_was_asked_first_and_decides_nothing_by_it() -> None:
    state = State()
    asked = [replicas.change("a", "x", id="1"), replicas.change("a", "y", id="1"), replicas.change("a", "z", id="2")]
    for position, (each, digest) in enumerate(zip(asked, ("one", "other", ""), strict=True), 1):
        adopt(state, position, changes.encode(msgspec.structs.replace(each, digest=digest)))
    assert bodies(state) == {"a": "z"}
    assert [outcome.digest for outcome in state.outcomes.values()] == ["one", ""]
    first, without = state.outcomes.values()
    assert [first.is_of(digest) for digest in ("one", "other", "")] == [True, False, True]
    assert without.is_of("anything")


def test_what_was_written_before_there_were_digests_is_read() -> None:
    value = b'{"v":1,"id":"1","kind":"thing","subject":"a","action":"x","actor":"x","at":1,"expects":{},"body":"x"}'
    state = adopted(value)
    assert state.outcomes["1"].is_of("anything")
    older = b'{"log_id":"l","position":1,"documents":{},"versions":{},"outcomes":{"1":{"position":1,"moved":""}}}'
    assert msgspec.json.decode(older, type=State).outcomes["1"].is_of("anything")


@pytest.mark.parametrize("value", [b"", b"{", b"[1]", b"7", b'{"v":1}', b'{"v":"2"}', b"\xff"])
def test_what_is_no_change_is_passed_over(value: bytes) -> None:
    state = adopted(change("1", "x"), value, change("2", "y", thing__a=1))
    assert bodies(state) == {"a": "y"}


def test_a_change_of_a_newer_version_is_not_guessed_at() -> None:
    state = adopted(change("1", "x"))
    with pytest.raises(NewerVersion):
        adopt(state, 2, b'{"v":2,"anything":1}')
    assert (state.position, bodies(state)) == (1, {"a": "x"})


def test_fields_that_only_newer_code_knows_do_no_harm() -> None:
    value = change("1", "x")[:-1] + b',"later":{"a":1}}'
    assert bodies(adopted(value)) == {"a": "x"}


def test_outcomes_are_forgotten_by_how_many_changes_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule, "REMEMBERED", 2)
    state = adopted(change("1", "x"), change("2", "y"), change("3", "z"), change("1", "again"))
    assert list(state.outcomes) == ["3", "1"]
    assert bodies(state) == {"a": "again"}


def test_a_state_is_read_back_as_it_was_written() -> None:
    state = adopted(change("1", {"n": [1, None]}), change("2"), change("3", "y", subject="b/ü"))
    assert msgspec.json.decode(msgspec.json.encode(state), type=State) == state


def test_a_change_that_is_too_large_is_refused_before_it_is_written() -> None:
    with pytest.raises(ValueError, match="at most"):
        change("1", "x" * changes.MAX_CHANGE_BYTES)
