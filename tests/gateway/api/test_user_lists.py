"""Lists of users: who is on them, in which order, and page by page."""

import json
import random
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ask0.schemas.listing import read_sort, write_cursor
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import LIST_PROJECT, LIST_SECRET, OTHER_PROJECT, SECRET, Running

PLANS = ("free", "pro", "Pro", "Ünter", None)
SEATS: tuple[Any, ...] = (None, 1, 2.5, -7, 10**12, "many", "Few", True, False, [1])


@pytest.fixture(scope="module", autouse=True)
def people(clickhouse: Warehouse) -> list[dict[str, Any]]:
    """120 of the strict project."""
    chance = random.Random(4)
    rows = [
        {
            "id": f"list-{number:03}",
            "plan": chance.choice(PLANS),
            "email": f"p{number}@{chance.choice(('a', 'B'))}.example",
            "traits": json.dumps({"seats": seats} if (seats := chance.choice(SEATS)) is not None else {}),
            "questions": chance.randrange(4),
            "last_active_at": 1_700_000_000_000 + chance.randrange(5) * 1000,
            "tags": chance.sample(("vip", "new"), chance.randrange(3)),
        }
        for number in range(120)
    ]
    insert(clickhouse, rows)
    return rows


def insert(clickhouse: Warehouse, rows: list[dict[str, Any]], version: int = 1) -> None:
    common = {"project_id": LIST_PROJECT, "status": "Active", "merged_into": "", "_version": version}
    columns = {name: [({**common, **row})[name] for row in rows] for name in {**common, **rows[0]}}
    clickhouse.insert("user_rows", columns, token=uuid4().hex)


def ask(gateway: Running, *, secret: str = LIST_SECRET, project: str = "-", **query: Any) -> httpx.Response:
    """As parameters."""
    given = {name: json.dumps(value) if name == "filter" else value for name, value in query.items()}
    headers = {"authorization": f"Bearer {secret}"}
    return gateway.client.get(f"/v1/projects/{project}/users", params=given, headers=headers)


def query(gateway: Running, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {LIST_SECRET}"}
    return gateway.client.post("/v1/projects/-/users/query", json=body, headers=headers)


def walk(gateway: Running, **asked: Any) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        answer = query(gateway, **asked, **({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        yield from answer.json()["users"]
        cursor = answer.json()["next"]
        if cursor is None:
            return


def ids(users: Any) -> list[str]:
    return [user["id"] for user in users]


def test_a_list_is_whole_profiles_and_says_how_many_there_are(gateway: Running) -> None:
    answer = ask(gateway, total=True).json()
    assert ids(answer["users"]) == [f"list-{number:03}" for number in range(30)]
    assert answer["total"] == 120
    single = gateway.client.get(
        "/v1/projects/-/users/list-000", headers={"authorization": f"Bearer {LIST_SECRET}"}
    ).json()
    assert answer["users"][0] == single


def test_the_documented_filter_asks_for_those_it_describes(gateway: Running, people: list[dict[str, Any]]) -> None:
    wanted = {"plan": "pro", "lastActiveAfter": "2023-01-01"}
    expected = [row["id"] for row in people if row["plan"] == "pro"]
    assert ids(ask(gateway, filter=wanted, limit=100).json()["users"]) == expected
    canonical = {"all": [{"trait": "plan", "op": "is", "value": "pro"}, {"not": {"tag": "vip"}}]}
    expected = [row["id"] for row in people if row["plan"] == "pro" and "vip" not in row["tags"]]
    assert ids(query(gateway, filter=canonical, limit=100).json()["users"]) == expected


@pytest.mark.parametrize(
    "sort",
    [
        "",
        "id",
        "-id",
        "plan",
        "-plan",
        "-lastActiveAt,plan",
        "traits.seats",
        "-traits.seats",
        "-questions,-traits.seats,email",
    ],
)
@pytest.mark.parametrize("limit", [7, 50])
def test_a_walk_meets_everyone_once_in_the_order_asked_for(
    gateway: Running, people: list[dict[str, Any]], sort: str, limit: int
) -> None:
    users = list(walk(gateway, sort=sort, limit=limit))
    assert sorted(ids(users)) == [row["id"] for row in people]
    keys = [(key.name, key.descends) for key in read_sort(sort)]
    assert all(is_in_order(one, other, keys) for one, other in pairwise(users))


@pytest.mark.parametrize("sort", ["", "-plan", "traits.seats"])
def test_old_versions_that_stand_in_the_same_place_hide_nobody(
    gateway: Running, clickhouse: Warehouse, people: list[dict[str, Any]], sort: str
) -> None:
    for version in range(2, 5):
        insert(clickhouse, people[::2], version)
    for limit in (3, 7, 11):
        assert sorted(ids(walk(gateway, sort=sort, limit=limit))) == [row["id"] for row in people]


def is_in_order(one: dict[str, Any], other: dict[str, Any], keys: list[tuple[str, bool]]) -> bool:
    for name, descends in keys:
        a, b = (value_of(user, name) for user in (one, other))
        if a == b:
            continue
        if a is None or b is None:
            return b is None
        return bool((a > b) if descends else (a < b))
    return bool(one["id"] < other["id"])


def value_of(user: dict[str, Any], name: str) -> Any:
    """By type: numbers, then texts, then booleans; a list is none of them."""
    value = user["traits"].get("seats") if name == "traits.seats" else user[name]
    if isinstance(value, list) or value is None:
        return None
    if isinstance(value, bool):
        return 2, value, ""
    if isinstance(value, str):
        return 1, value.lower(), value
    return 0, float(value), ""


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("P7@A", "p7@a"),
        ("list-011", "list-011"),
        ("example p12@", "p12@"),
        ("%", None),
        ("_", None),
        ("nobody", None),
        ("' OR 1=1 --", None),
    ],
)
def test_a_search_finds_each_word_somewhere(
    gateway: Running, people: list[dict[str, Any]], search: str, found: str | None
) -> None:
    shown = ids(ask(gateway, search=search, limit=200).json()["users"])
    expected = [row["id"] for row in people if found and (found in row["email"].lower() or found in row["id"])]
    assert shown == expected


def test_only_some_ids_and_some_fields(gateway: Running) -> None:
    answer = ask(gateway, ids="list-003,list-001,no-such", fields="email,traits.seats,nothing").json()
    assert ids(answer["users"]) == ["list-001", "list-003"]
    assert set(answer["users"][0]) <= {"id", "email", "traits"}


def test_those_who_move_meanwhile_disturb_nobody_else(
    gateway: Running, clickhouse: Warehouse, people: list[dict[str, Any]]
) -> None:
    """By id everyone who stays is met once; by a moving value everyone whose value stands still."""
    still = [row for number, row in enumerate(people) if number % 3]
    for sort in ("id", "-lastActiveAt"):
        seen: list[str] = []
        for turn, user in enumerate(walk(gateway, sort=sort, limit=11)):
            seen.append(user["id"])
            if turn % 10 == 0:
                insert(
                    clickhouse, [{**people[turn % 120 // 3 * 3], "last_active_at": 1_700_000_009_000 + turn}], turn + 2
                )
                insert(clickhouse, [{**people[0], "id": f"list-{turn:03}-new", "merged_into": ""}], turn + 2)
                insert(clickhouse, [{**people[0], "id": f"list-{turn:03}-new", "merged_into": "x"}], turn + 3)
        assert sorted(set(seen) & {row["id"] for row in still}) == [row["id"] for row in still]
        assert all(seen.count(row["id"]) == 1 for row in still)
        assert sort != "id" or sorted(seen) == seen


def test_a_cursor_belongs_to_its_query(gateway: Running) -> None:
    cursor = ask(gateway, sort="-plan", limit=5).json()["next"]
    for other in (
        {"sort": "plan"},
        {"sort": "-plan", "search": "x"},
        {"sort": "-plan", "filter": {"plan": "pro"}},
        {"sort": "-plan", "ids": "a"},
    ):
        answer = ask(gateway, limit=5, cursor=cursor, **other)
        assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor")
    assert ask(gateway, sort="-plan", limit=9, cursor=cursor, fields="id").status_code == 200


def test_a_cursor_that_was_edited_is_refused(gateway: Running) -> None:
    cursor = ask(gateway, sort="-lastActiveAt", limit=5).json()["next"]
    digest, *places = json.loads(urlsafe_b64decode(cursor + "=="))
    edited = [
        cursor[:-3],
        cursor + "x",
        "",
        "x" * 9000,
        "ü",
        "e30",
        write_cursor(digest, places[:-1]),
        write_cursor(digest, [*places, 1]),
        write_cursor(digest, ["'; DROP TABLE user_rows", *places[1:]]),
        write_cursor(digest, [None, *places[1:]]),
        write_cursor(digest, [places[0], 1 << 63, places[2]]),
        write_cursor(digest, [places[0], 1.5, places[2]]),
    ]
    for text in edited:
        answer = ask(gateway, sort="-lastActiveAt", limit=5, cursor=text)
        assert answer.status_code in (400, 200), text
        assert answer.status_code == 400 or text == ""
        assert answer.status_code == 200 or answer.json()["code"] == "wrong_cursor"


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"sort": "a,b,c,d"}, "sort"),
        ({"sort": "plan,-plan"}, "sort"),
        ({"sort": "a..b"}, "sort"),
        ({"search": "x" * 201}, "search"),
        ({"search": " ".join("abcdefghi")}, "search"),
        ({"ids": ",".join("x" * 201)}, "ids"),
        ({"filter": {"trait": "plan", "op": "like", "value": "x"}}, "filter.op"),
        ({"filter": {"segment": "seg_unknown"}}, "filter"),
        ({"unknown": 1}, "unknown"),
        ({"segment": "seg_nowhere"}, "segment"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(gateway: Running, asked: dict[str, Any], at: str) -> None:
    answer = ask(gateway, **asked)
    assert answer.status_code == 400, answer.text
    assert answer.json()["details"][0]["at"].startswith(at)


def test_a_filter_that_is_no_json_is_refused(gateway: Running) -> None:
    answer = gateway.client.get(
        "/v1/projects/-/users", params={"filter": "{plan:"}, headers={"authorization": f"Bearer {LIST_SECRET}"}
    )
    assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, "filter")


def test_a_project_lists_nobody_of_another(gateway: Running) -> None:
    assert not any(id.startswith("list-") for id in ids(ask(gateway, secret=SECRET, limit=200).json()["users"]))
    assert ask(gateway, secret=SECRET, project=LIST_PROJECT).status_code == 404
    assert ask(gateway, project=OTHER_PROJECT).status_code == 404
    cursor = ask(gateway, limit=3).json()["next"]
    assert ask(gateway, secret=SECRET, cursor=cursor).json()["code"] == "wrong_cursor"


def changed(gateway: Running, **query: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {LIST_SECRET}"}
    return gateway.client.get("/v1/projects/-/changes", params=query, headers=headers)


def test_a_copy_is_kept_by_asking_for_what_changed_since(
    gateway: Running, clickhouse: Warehouse, people: list[dict[str, Any]]
) -> None:
    met: set[str] = set()
    after: dict[str, str] = {}
    while (page := changed(gateway, limit=50, **after).json())["users"]:
        met |= set(ids(page["users"]))
        after = {"after": page["next"]}
    assert {row["id"] for row in people} <= met
    for version in (*range(900_000, 900_060), 1_000_000, 1_000_000):  # old ones, and the newest twice, as after a crash
        insert(clickhouse, [people[5]], version=version)
    insert(clickhouse, [people[7]], version=(1 << 63) - 1)  # of a moment ago, as it were
    again = changed(gateway, limit=50, **after).json()
    assert ids(again["users"]) == [people[5]["id"]]
    assert changed(gateway, after=again["next"]).json()["users"] == []
    for wrong in ("x", write_cursor("0" * 18, [0, ""]), ask(gateway, limit=5).json()["next"]):
        assert changed(gateway, after=wrong).json()["code"] == "wrong_cursor"


@pytest.mark.parametrize("name", ["ids", "fields", "sort", "segment", "search", "cursor", "filter", r"\ud800"])
def test_half_a_character_anywhere_in_a_query_is_no_fault_of_ours(gateway: Running, name: str) -> None:
    for value in (r'["\ud800"]', r'"\ud800"', r'{"tag":"\ud800"}', r'{"\ud800":1}'):
        headers = {"authorization": f"Bearer {LIST_SECRET}"}
        asked = f'{{"{name}":{value}}}'
        answer = gateway.client.post("/v1/projects/-/users/query", content=asked, headers=headers)
        assert answer.status_code in (200, 400), (asked, answer.text)
