"""`ask0 user erase` and `lift`, and `ask0 job verify`: what the API does, asked for by hand and waited for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.stack import free_port, wait_for
from tests.cli.processes import Finished, Server, run


class House:
    """A server with people in it, and its secret key."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.secret: str = server.run("key", "create", "--secret", "--json").json["key"]

    def run(self, *arguments: str, stdin: bytes = b"") -> Finished:
        return self.server.run(*arguments, "--secret-key", self.secret, stdin=stdin)

    def erase(self, *arguments: str, stdin: bytes = b"") -> Finished:
        return self.run("user", "erase", *arguments, stdin=stdin)

    def api(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.secret}"}
        return httpx.request(method, f"{self.server.url}/v1/projects/-{path}", json=body, headers=headers, timeout=30)

    def meet(self, *ids: str) -> None:
        """Each asks something and has a profile."""
        batch: list[dict[str, Any]] = []
        for id in ids:
            talk = {"conversationId": f"talk-{id}", "text": "Where?"}
            batch.append({"type": "identify", "userId": id, "traits": {"email": f"{id}@example.com", "plan": "pro"}})
            batch.append({"type": "track", "event": "Question Asked", "userId": id, "properties": talk})
        assert self.server.post(batch).json()["accepted"] == len(batch)
        wait_for(lambda: all(self.knows(id) for id in ids), "the users")

    def knows(self, id: str) -> bool:
        return self.api("GET", f"/users/{id.replace('/', '%2F')}").is_success

    def dropped(self) -> float:
        """Events of people who are erased, so far."""
        lines = httpx.get(f"{self.server.url}/metrics").text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("ask0_worker_events_erased_total "))

    def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api("GET", "/jobs").json()["jobs"]
        return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with Server(tmp_path_factory.mktemp("erasure") / "data") as server:
        yield House(server)


def test_who_is_erased_is_gone_and_the_receipt_says_so(house: House, tmp_path: Path) -> None:
    house.meet("ada", "a/b", "stays")
    done = house.erase("ada", "a/b", "ada", "--delete-conversations", "--yes")
    assert (done.code, done.err) == (0, "")
    receipt = done.json
    assert (receipt["did"], receipt["asked"], receipt["people"], receipt["rows"]["events"]) == ("erase", 2, 2, 4)
    assert receipt["conversations"] == "removed"
    assert (house.knows("ada"), house.knows("a/b"), house.knows("stays")) == (False, False, True)
    shown = house.server.run("job", "get", receipt["job"], "--json").json
    assert shown["receipt"] == receipt

    for form in (receipt, shown, {"job": shown}):
        file = tmp_path / "receipt.json"
        file.write_text(json.dumps(form))
        assert house.server.run("job", "verify", str(file)).code == 0
    told = house.server.run("job", "verify", receipt["job"])
    assert (told.code, "erase of 2 people" in told.out) == (0, True)
    assert house.server.run("job", "verify", "-", "--json", stdin=done.out.encode()).json["valid"] is True


def test_who_is_erased_is_let_in_again_by_hand(house: House) -> None:
    house.meet("lea")
    assert house.erase("lea", "--yes").code == 0
    before = house.dropped()
    late = [{"type": "track", "event": "Late", "userId": "lea"}]
    assert house.server.post(late).json()["accepted"] == 1
    wait_for(lambda: house.dropped() == before + 1, "the event to be dropped")
    assert house.api("PUT", "/users/lea", {"plan": "pro"}).json()["code"] == "erased"
    done = house.run("user", "lift", "lea")
    assert (done.code, done.out, done.err) == (0, "lea is let in again.\n", "")
    assert house.api("PUT", "/users/lea", {"plan": "pro"}).is_success
    assert house.server.query("SELECT count() FROM events WHERE event = 'Late'") == "0"
    assert house.run("user", "lift", "lea").code == 0
    for id in ("nobody", ".."):
        again = house.run("user", "lift", id)
        assert (again.code, again.out, len(again.err.splitlines())) == (1, "", 1)


def test_what_people_did_stays_as_nobodys_if_they_are_anonymized(house: House) -> None:
    house.meet("ann")
    receipt = house.erase("ann", "--anonymize", "--yes").json
    assert (receipt["did"], house.knows("ann")) == ("anonymize", False)
    (owner,) = house.server.query("SELECT user_id FROM conversations WHERE id = 'talk-ann'").splitlines()
    assert house.api("GET", f"/users/{owner}").json()["plan"] == "pro"


def test_conversations_may_go_alone(house: House) -> None:
    house.meet("cyd")
    receipt = house.erase("cyd", "--only-conversations", "--yes").json
    assert (receipt["did"], house.knows("cyd")) == ("delete_conversations", True)
    assert house.api("GET", "/users/cyd").json()["conversations"] == 0


def test_it_asks_before_anything_goes(house: House) -> None:
    house.meet("ida", "ivy")
    before = len(house.jobs())
    for typed in (b"", b"\n", b"no\n", b"ivy\n"):
        refused = house.erase("ida", stdin=typed)
        assert (refused.code, refused.out) == (1, "")
        assert "All of ida goes" in refused.err
    assert house.erase("ida", "ivy", stdin=b"ida\n").code == 1
    assert (len(house.jobs()), house.knows("ida")) == (before, True)
    done = house.erase("ida", "ivy", stdin=b"2\n")
    assert (done.code, done.json["people"], "2 users" in done.err) == (0, 2, True)
    assert house.erase("ida", stdin=b"ida\n").json["people"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("",),
        ("undefined",),
        ("x" * 256,),
        ("ada", "--anonymize", "--delete-conversations"),
        ("ada", "--anonymize", "--only-conversations"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(house: House, wrong: tuple[str, ...]) -> None:
    done = house.erase(*wrong, "--yes")
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err


def test_a_key_that_may_not_erase_is_told_so(house: House) -> None:
    scopes = ("--scope", "users:read", "--scope", "users:write")
    weak = house.server.run("key", "create", "--secret", "--json", *scopes).json["key"]
    wait_for(lambda: httpx.get(f"{house.server.url}/v1/projects/-/me", auth=(weak, "")).is_success, "the key")
    for key, said in ((weak, "users:erase"), ("sk_wrong", "secret key")):
        done = house.server.run("user", "erase", "ada", "--yes", "--secret-key", key)
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
        assert said in done.err
    assert house.server.run("user", "erase", "ada", "--yes").code == 2, "without a key"


def test_without_a_server_it_gives_up_with_the_code_for_away() -> None:
    to = ("--url", f"http://127.0.0.1:{free_port()}", "--secret-key", "sk_x", "--patience", "0.2")
    for command in (("erase", "ada", "--yes"), ("lift", "ada")):
        done = run("user", *command, *to, settings={})
        assert (done.code, done.out, len(done.err.splitlines())) == (3, "", 1)


def test_a_receipt_that_was_changed_or_is_anothers_is_not_ours(house: House, tmp_path: Path) -> None:
    receipt = house.erase("nobody-at-all", "--yes").json
    house.meet("una")
    tag = house.api("POST", "/users/bulk", {"ids": ["una"], "do": "tag", "tags": ["x"]}).json()["job"]["id"]
    wait_for(lambda: house.server.run("job", "get", tag, "--json").json["status"] == "done", "the tag")
    changed = [
        {**receipt, "people": 7},
        {**receipt, "more": 1},
        {**receipt, "signature": "ü"},
        {**receipt, "signature": 7},
    ]
    for one in changed:
        done = house.server.run("job", "verify", "-", stdin=json.dumps(one).encode())
        assert (done.code, done.err, len(done.out.splitlines())) == (1, "", 1)
    assert (
        house.server.run("job", "verify", "-", "--json", stdin=json.dumps(changed[0]).encode()).json["valid"] is False
    )
    unsigned = {name: value for name, value in receipt.items() if name != "signature"}
    nothing = [json.dumps(unsigned).encode(), b'{"receipt": null}', b"[]", b"no JSON", b" " * 1_000_001]
    for text in nothing:
        done = house.server.run("job", "verify", "-", stdin=text)
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1), text[:40]
    for job in (tag, "job_unknown"):
        assert house.server.run("job", "verify", job).code == 1
    elsewhere = {"ASK0_DATA_DIR": str(tmp_path / "data"), "ASK0_SEALING_KEY": "x" * 40}
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(receipt))
    assert run("job", "verify", str(file), settings=elsewhere).code == 1
    keyless = run("job", "verify", str(file), settings={"ASK0_DATA_DIR": str(tmp_path / "data")})
    assert (keyless.code, "ASK0_SEALING_KEY" in keyless.err) == (2, True)
