"""`ask0 segment`: the segments that the API has, and how many are in them."""

import json
from typing import Any

import httpx
import pytest

from bench.stack import wait_for
from tests.cli.processes import Finished, Server, run


class Shop:
    """A project of the server, with ten users on two plans, and their segments."""

    def __init__(self, server: Server) -> None:
        self.server = server
        made = server.run("project", "create", "Segments", "--json").json
        self.id: str = made["id"]
        self._secret: str = made["secretKey"]
        users = [{"id": f"seg-{n}", "plan": ("free", "pro")[n % 2], "traits": {"seats": n}} for n in range(10)]
        lines = b"".join(json.dumps(user).encode() + b"\n" for user in users)
        done = server.run("user", "import", "-", "--secret-key", self._secret, stdin=lines)
        assert done.code == 0, done
        wait_for(lambda: len(self.api("GET", "/users")["users"]) == 10, "the users")
        self.large = self.make("Large \x1b[31mteams", {"trait": "traits.seats", "op": "gte", "value": 7})

    def api(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self._secret}", "if-match": "*"}
        answer = httpx.request(method, f"{self.server.url}/v1/projects/-{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def make(self, name: str, filter: Any) -> str:
        return str(self.api("POST", "/segments", {"name": name, "filter": filter})["id"])

    def run(self, *arguments: str) -> Finished:
        return run("segment", *arguments, "--project", self.id, settings=self.server.settings)


@pytest.fixture(scope="module")
def shop(server: Server) -> Shop:
    return Shop(server)


def test_the_list_is_that_of_the_api_with_sizes(shop: Shop) -> None:
    listed = shop.run("list", "--json").json
    assert [{name: value for name, value in one.items() if name != "size"} for one in listed] == shop.api(
        "GET", "/segments"
    )["segments"]
    sizes = {one["id"]: one["size"] for one in listed}
    assert (sizes[shop.large], sizes["seg_plan_pro"], sizes["seg_plan_free"], sizes["seg_promoters"]) == (3, 5, 5, 0)


def test_a_table_says_what_is_the_products_and_what_is_the_projects(shop: Shop) -> None:
    lines = shop.run("list").out.splitlines()
    assert lines[0].split() == ["id", "name", "kind", "size"]
    rows = {line.split()[0]: line.split() for line in lines[1:]}
    assert rows["seg_plan_pro"] == ["seg_plan_pro", "pro", "users", "system", "5"]
    assert rows[shop.large][-2:] == ["custom", "3"]
    assert "\x1b" not in "".join(lines), "a name does not write elsewhere on the terminal"


def test_a_count_is_by_the_filter_now(shop: Shop) -> None:
    is_pro = {"trait": "plan", "op": "is", "value": "pro"}
    id = shop.make("Large and pro", {"all": [{"segment": shop.large}, is_pro]})
    assert shop.run("count", id).out == "2\n"
    counted = shop.run("count", "seg_plan_pro", "--json").json
    assert counted["count"] == shop.api("GET", "/segments/seg_plan_pro/count")["count"] == 5
    assert counted["asOf"].endswith("Z")
    assert shop.run("count", "seg_plan_nobodys").out == "0\n"


def test_who_is_deactivated_counts_as_such_at_once(shop: Shop) -> None:
    id = shop.make("Blocked", {"status": "Deactivated"})
    assert shop.run("count", id).out == "0\n"
    assert shop.server.run("user", "deactivate", "seg-1", "--project", shop.id).code == 0
    assert shop.run("count", id).out == "1\n"


def test_one_that_cannot_be_counted_any_more_does_not_take_the_others_with_it(shop: Shop) -> None:
    id = shop.make("Near", {"trait": "traits.spot", "op": "gte", "value": 1})
    shop.api("PUT", "/properties", {"properties": [{"name": "spot", "type": "geo"}]})
    sizes = {one["id"]: one["size"] for one in shop.run("list", "--json").json}
    assert (sizes[id], sizes[shop.large]) == (None, 3)
    done = shop.run("count", id)
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)


def test_a_segment_that_is_not_there_or_is_another_projects_is_a_failure(shop: Shop) -> None:
    other = shop.server.run("project", "create", "Another", "--json").json["id"]
    for id, project in (("seg_unknown", shop.id), ("", shop.id), (shop.large, other)):
        done = run("segment", "count", id, "--project", project, settings=shop.server.settings)
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
        assert "ask0 segment list" in done.err
    assert shop.large not in run("segment", "list", "--project", other, settings=shop.server.settings).out
