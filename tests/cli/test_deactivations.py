"""`ask0 user deactivate` and `reactivate`: what the API does, done by a command, and obeyed by the gateway."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from ask0.catalog.deactivations import Deactivations
from ask0.catalog.replica import Replica
from ask0.cli.documents import with_documents
from ask0.schemas.documents import MAX_REASON_CHARS, Deactivation
from ask0.schemas.settings import Settings
from bench.stack import free_port, wait_for
from tests.cli.processes import Finished, Server, run


class Shop:
    """A project of the server, with one user, ada, who was the guest g-of-ada."""

    def __init__(self, server: Server) -> None:
        self.server = server
        made = server.run("project", "create", "Shop", "--json").json
        self.id: str = made["id"]
        self._keys = made
        wait_for(lambda: self.access(user="nobody") == "allowed", "the gateway to know the key")
        self.meet("ada", "of-ada")

    def meet(self, user: str, guest: str) -> None:
        """The guest identifies as the user."""
        events = [
            {"type": "page", "anonymousId": guest},
            {"type": "identify", "userId": user, "anonymousId": guest, "traits": {"plan": "pro"}},
        ]
        auth = (self._keys["writeKey"], "")
        assert httpx.post(f"{self.server.url}/v1/batch", auth=auth, json={"batch": events}).is_success
        wait_for(lambda: self.api("GET", f"/users/{user}").json().get("anonymousIds") == [guest], "the user")

    def api(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._keys['secretKey']}"}
        return httpx.request(method, f"{self.server.url}/v1/projects/-{path}", json=body, headers=headers)

    def access(self, **who: str) -> str:
        """The reason; empty while the key is not known."""
        answer = httpx.get(
            f"{self.server.url}/v1/projects/-/access",
            params=who,
            headers={"authorization": f"Bearer {self._keys['secretKey']}"},
        )
        return str(answer.json().get("reason", ""))

    def run(self, *arguments: str, **settings: str) -> Finished:
        return run("user", *arguments, "--project", self.id, settings=self.server.settings | settings)

    def documents(self) -> list[Deactivation]:
        async def read(replica: Replica) -> list[Deactivation]:
            return [stored.document for stored in Deactivations(replica).of(self.id).values()]

        return with_documents(Settings.from_environ(self.server.settings), read)

    def audit(self) -> list[str]:
        asked = f"project_id = '{self.id}' AND action LIKE 'user.%activated'"
        whom = "splitByChar('/', entity_id)[-1]"
        rows = self.server.query(f"SELECT actor, action, {whom} FROM audit_log WHERE {asked} ORDER BY position")
        return [row.replace("\t", " ") for row in rows.splitlines()]


@pytest.fixture(scope="module")
def shop(server: Server) -> Shop:
    return Shop(server)


def test_whoever_is_deactivated_is_refused_until_let_in_again(shop: Shop) -> None:
    done = shop.run("deactivate", "ada", "--reason", "spam")
    assert (done.code, done.out, done.err) == (0, "ada is deactivated.\n", "")
    wait_for(lambda: shop.access(user="ada") == "deactivated", "the gateway to follow")
    assert shop.access(anonymous="of-ada") == "deactivated"
    assert shop.access(user="other") == "allowed"
    assert shop.run("deactivate", "ada", "--reason", "spam", "--json").json == shop.api("GET", "/users/ada").json()
    assert shop.run("get", "ada", "--json").json["status"] == "Deactivated"
    back = shop.run("reactivate", "ada", "--json")
    assert (back.json["id"], back.json["status"]) == ("ada", "Active")
    wait_for(lambda: shop.access(user="ada", anonymous="of-ada") == "allowed", "the gateway to follow")
    again = shop.run("reactivate", "ada")
    assert (again.code, again.out) == (0, "ada was not deactivated.\n")
    expected = [f"cli user.{action} ada" for action in ("deactivated", "deactivated", "reactivated")]
    wait_for(lambda: shop.audit()[:3] == expected, "the audit log")


def test_the_document_is_that_of_the_api_and_either_lifts_the_others(shop: Shop) -> None:
    assert shop.api("POST", "/users/ada/deactivate", {"reason": "spam"}).is_success
    (first,) = shop.documents()
    assert shop.run("reactivate", "ada").code == 0
    assert shop.documents() == []
    assert shop.run("deactivate", "g-of-ada", "--reason", "spam").out == "ada is deactivated.\n"
    (second,) = shop.documents()
    assert second.at > first.at
    assert second == Deactivation(
        project_id=shop.id, user_id="ada", anonymous_ids=("of-ada",), reason="spam", at=second.at
    )
    assert first == Deactivation(
        project_id=shop.id, user_id="ada", anonymous_ids=("of-ada",), reason="spam", at=first.at
    )
    wait_for(lambda: shop.access(user="ada") == "deactivated", "the gateway to follow")
    assert shop.api("POST", "/users/ada/reactivate").json()["status"] == "Active"
    assert shop.documents() == []


def test_a_guest_who_has_become_a_user_since_is_let_in_by_either_id(shop: Shop) -> None:
    assert shop.run("deactivate", "g-later", ASK0_CLICKHOUSE=nowhere()).code == 0
    shop.meet("bea", "later")
    assert shop.access(user="bea", anonymous="later") == "deactivated"
    assert shop.run("reactivate", "g-later").out == "bea is let in again.\n"
    wait_for(lambda: shop.access(user="bea", anonymous="later") == "allowed", "the gateway to follow")


def test_who_is_not_known_is_not_deactivated(shop: Shop) -> None:
    for what in ("deactivate", "reactivate"):
        done = shop.run(what, "nobody")
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
        assert "nobody" in done.err
    assert shop.documents() == []


@pytest.mark.parametrize(
    "wrong", [("",), ("undefined",), ("x" * 256,), ("ada", "--reason", "x" * (MAX_REASON_CHARS + 1)), ()]
)
def test_what_names_nobody_is_wrong_usage(shop: Shop, wrong: tuple[str, ...]) -> None:
    done = shop.run("deactivate", *wrong)
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert shop.documents() == []


def test_a_project_that_is_not_there_is_a_failure_and_other_projects_keep_theirs(shop: Shop) -> None:
    done = run("user", "deactivate", "ada", "--project", "Nowhere", settings=shop.server.settings)
    assert (done.code, len(done.err.splitlines())) == (1, 1)
    other = shop.server.run("project", "create", "Other shop", "--json").json["id"]
    done = run("user", "deactivate", "ada", "--project", other, settings=shop.server.settings)
    assert done.code == 1, "ada is nobody there"
    assert shop.documents() == []


def test_while_clickhouse_is_away_it_is_done_and_obeyed(shop: Shop) -> None:
    away = nowhere()
    done = shop.run("deactivate", "anyone", "--json", ASK0_CLICKHOUSE=away)
    assert (done.code, done.json) == (0, {"id": "anyone", "status": "Deactivated"})
    assert "ClickHouse does not answer" in done.err
    wait_for(lambda: shop.access(user="anyone") == "deactivated", "the gateway to follow")
    assert shop.run("reactivate", "anyone", "--json", ASK0_CLICKHOUSE=away).json == {"id": "anyone", "status": None}
    wait_for(lambda: shop.access(user="anyone") == "allowed", "the gateway to follow")


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}/ask0"


def test_with_the_server_stopped_it_is_done_and_obeyed_from_the_next_start(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        shop = Shop(server)
    done = shop.run("deactivate", "ada", "--json")
    assert (done.code, done.json["status"], done.json["anonymousIds"]) == (0, "Deactivated", ["of-ada"])
    with Server(tmp_path / "data"):
        wait_for(lambda: shop.access(user="ada") == "deactivated", "the gateway to read the documents")
        assert shop.access(anonymous="of-ada") == "deactivated"
