"""Lists of users for jobs: made once, read page by page, and gone at once."""

from typing import Any

from ask0.warehouse import job_users
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.filters import Condition


def put(warehouse: Warehouse, id: str, version: int = 1, **row: Any) -> None:
    row = {"project_id": "p", "id": id, "traits": "{}", "merged_into": "", **row, "_version": version}
    warehouse.insert("user_rows", {name: [value] for name, value in row.items()}, token=f"{row}:{version}")


PRO = Condition("plan = {plan:String}", {"plan": "pro"})


def test_a_list_stays_as_it_was_found_and_shows_users_as_they_are(warehouse: Warehouse) -> None:
    for id in ("a", "b", "c"):
        put(warehouse, id, plan="pro")
    put(warehouse, "d", plan="free")
    put(warehouse, "e", plan="pro", project_id="q")
    put(warehouse, "f", plan="pro", merged_into="a")
    job_users.find(warehouse, "p", PRO, "list")
    assert job_users.count(warehouse, "list") == 3
    put(warehouse, "a", 2, plan="free")
    put(warehouse, "b", 2, merged_into="d")
    put(warehouse, "g", plan="pro")
    first = job_users.read_page(warehouse, "p", "list", "", 2)
    assert [(user.id, user.state and user.state.merged_into) for user in first] == [("a", ""), ("b", "d")]
    assert [user.id for user in job_users.read_page(warehouse, "p", "list", "b", 2)] == ["c"]
    assert job_users.read_page(warehouse, "p", "list", "c", 2) == []


def test_those_named_are_there_once_also_if_nobody_knows_them(warehouse: Warehouse) -> None:
    put(warehouse, "a")
    put(warehouse, "x", project_id="q")
    for _ in range(2):
        job_users.name(warehouse, "named", ["x", "a", "a"])
    assert job_users.count(warehouse, "named") == 2
    found = job_users.read_page(warehouse, "p", "named", "", 9)
    assert [(user.id, user.state is not None) for user in found] == [("a", True), ("x", False)]


def test_a_list_is_forgotten_and_no_other(warehouse: Warehouse) -> None:
    for list in ("one", "two"):
        job_users.name(warehouse, list, ["a"])
    job_users.forget(warehouse, "one")
    job_users.forget(warehouse, "one")
    assert [job_users.count(warehouse, list) for list in ("one", "two")] == [0, 1]
    parts = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'job_users' AND active"
    assert warehouse.query(parts)[0][0] == 1
