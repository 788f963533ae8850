"""One user's row, with the traits asked for and no others."""

from typing import Any

import pytest

from ask0.schemas.api import Profile
from ask0.schemas.traits import STANDARD
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.users import read_profile, read_user

TRAITS = '{"seats":5,"a.b":{"c":[1,null,"x"]},"big":18446744073709551615,"id":"own"}'


def insert(warehouse: Warehouse, version: int, **row: Any) -> None:
    row = {"project_id": "p", "id": "u", "traits": TRAITS, "merged_into": "", **row, "_version": version}
    warehouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=f"{row['id']}:{version}")


def test_the_newest_version_is_read_with_the_traits_asked_for(warehouse: Warehouse) -> None:
    insert(warehouse, 2, name="New", plan=None, email="a@example.com", created_at=1_700_000_000_123)
    insert(warehouse, 1, name="Old", plan="pro")
    insert(warehouse, 9, project_id="q", name="Elsewhere")
    assert read_user(warehouse, "p", "u", ("name", "plan")) == {"name": "New", "id": "u"}
    assert read_user(warehouse, "p", "u", ()) == {"id": "u"}
    assert read_user(warehouse, "p", "u", ("createdAt",)) == {"createdAt": "2023-11-14T22:13:20.123Z", "id": "u"}
    own = ("seats", "a.b", "big", "nothing", "id", "project_id")
    expected = {"seats": 5, "a.b": {"c": [1, None, "x"]}, "big": 18446744073709551615, "id": "u"}
    assert read_user(warehouse, "p", "u", own) == expected
    assert read_user(warehouse, "p", "u", (*STANDARD.values(), "seats")) is not None


def test_traits_that_the_column_cannot_say_are_read_as_they_were_sent(warehouse: Warehouse) -> None:
    insert(warehouse, 1, traits='{"a%252Eb":1}', sent_traits='{"a%2Eb":1}')
    assert read_user(warehouse, "p", "u", ("a%2Eb", "a%252Eb")) == {"a%2Eb": 1, "id": "u"}


def test_whoever_is_not_known_or_has_become_another_is_nobody(warehouse: Warehouse) -> None:
    insert(warehouse, 1, id="g-a")
    assert read_user(warehouse, "p", "g-a", ()) == {"id": "g-a"}
    insert(warehouse, 2, id="g-a", merged_into="u")
    assert read_user(warehouse, "p", "g-a", ()) is None
    assert read_user(warehouse, "p", "nobody", ("name",)) is None


@pytest.mark.parametrize("trait", ["id) FROM user_rows --", "`", "merged_into", "\0", "traits"])
def test_a_trait_of_any_name_is_only_looked_for(warehouse: Warehouse, trait: str) -> None:
    insert(warehouse, 1)
    assert read_user(warehouse, "p", "u", (trait,)) == {"id": "u"}


def test_a_profile_is_all_that_is_in_the_newest_row(warehouse: Warehouse) -> None:
    insert(warehouse, 1, email="old@example.com")
    insert(warehouse, 2, email="ada@example.com", status="Active", first_seen_at=1_700_000_000_123, questions=4)
    profile = read_profile(warehouse, "p", "u")
    assert profile is not None
    whole = profile | {"stage": None}  # which the project's definitions say, not the row
    assert Profile.model_validate(whole).model_dump(by_alias=True) == whole
    assert (profile["email"], profile["plan"], profile["questions"]) == ("ada@example.com", None, 4)
    assert profile["createdAt"] == profile["firstSeenAt"] == "2023-11-14T22:13:20.123Z"
    assert profile["traits"]["big"] == 18446744073709551615
    insert(warehouse, 3, status="Active", created_at=1_600_000_000_000)
    assert read_profile(warehouse, "p", "u")["createdAt"] == "2020-09-13T12:26:40.000Z"  # type: ignore[index]


def test_the_profile_of_a_guest_who_has_become_a_user_is_the_users(warehouse: Warehouse) -> None:
    insert(warehouse, 1, id="g-a", status="Guest")
    assert read_profile(warehouse, "p", "g-a")["status"] == "Guest"  # type: ignore[index]
    insert(warehouse, 2, id="g-a", status="Guest", merged_into="u")
    assert read_profile(warehouse, "p", "g-a") is None  # its user's row is still to come
    insert(warehouse, 1, id="u", status="Active")
    assert read_profile(warehouse, "p", "g-a")["id"] == "u"  # type: ignore[index]
    assert read_profile(warehouse, "q", "u") is None


def test_so_is_that_of_a_guest_who_did_nothing_as_a_guest(warehouse: Warehouse) -> None:
    link: dict[str, list[Any]] = {"project_id": ["p"], "guest_id": ["g-b"], "link": [(1_700_000_000_000, "u", "b")]}
    warehouse.insert("identity_links", link, token="link")
    assert read_profile(warehouse, "p", "g-b") is None  # its user's row is still to come
    insert(warehouse, 1, id="u", status="Active")
    assert read_profile(warehouse, "p", "g-b")["id"] == "u"  # type: ignore[index]
    assert read_profile(warehouse, "q", "g-b") is None
