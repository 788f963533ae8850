"""`ask0 verification`, and what it makes of a whole server: nobody changes or reads a user without the user's token."""

import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.stack import WRITE_KEY, Stack, wait_for
from tests.cli.processes import Finished, Server, run
from tests.gateway.tokens import key_pair, sign

NONE = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsImV4cCI6NDA3MDkwODgwMH0."  # {"alg":"none"}, u1, until 2099


class Site:
    """A site whose server signs tokens, before a real Ask0."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.query = stack.query

    def ask0(self, *arguments: str) -> Finished:
        return run(*arguments, settings=self.stack.environ)

    def add_key(self) -> dict[str, str]:
        added: dict[str, str] = self.ask0("verification", "add", "--json").json
        return added

    def identify(self, token: str | None = None, **event: Any) -> str:
        """The reason why the gateway refuses it, empty if it does not."""
        sent = {"type": "identify", "userId": "u1", "traits": {}, "userToken": token, **event}
        _, answer = self.stack.post("/v1/batch", {"batch": [sent, {"event": "Neighbour", "userId": "n"}]})
        rejected: Any = answer["rejected"]
        return rejected[0]["code"] if rejected else ""

    def user(self, **who: Any) -> Any:
        """The traits a page gets, or the code of the refusal."""
        _, answer = self.stack.post("/v1/user", {"writeKey": WRITE_KEY, **who})
        return answer["user"] if "user" in answer else answer["code"]

    def plan(self) -> str:
        return self.query("SELECT plan FROM ask0.users WHERE id = 'u1'")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Stack(tmp_path / "data") as stack:
        yield Site(stack)


def test_a_user_is_changed_and_read_with_their_token_alone_through_a_rotation(site: Site) -> None:
    assert "ask0 verification add" in site.ask0("verification", "require").err
    first = site.add_key()["secret"]
    files = [file for file in Path(site.stack.environ["ASK0_DATA_DIR"]).iterdir() if file.is_file()]
    assert {"log.sqlite3", "sealing.key"} <= {file.name for file in files}
    assert not [file.name for file in files if first.encode() in file.read_bytes()]
    assert site.ask0("verification", "require").code == 0
    wait_for(lambda: site.identify() == "token_missing", "the gateway to require tokens")
    u1 = sign("u1", first)
    assert site.identify(u1, traits={"plan": "pro", "email": "ada@example.com"}, anonymousId="of-u1") == ""
    wait_for(lambda: site.plan() == "pro", "the verified user's row")

    private, public = key_pair()
    rs256 = site.stack.environ["ASK0_DATA_DIR"] + "/public.pem"
    Path(rs256).write_text(public)
    second = site.ask0("verification", "add", "--public-key", rs256, "--json").json
    assert (second["algorithm"], second["secret"]) == ("RS256", None)
    wait_for(lambda: site.identify(sign("u1", private, "RS256")) == "", "the gateway to know the second key")
    assert site.identify(u1) == "", "the first still counts"
    for token, reason in {
        None: "token_missing",
        NONE: "token_invalid",
        sign("u1", "vs_somebody-elses-secret-of-32-bytes"): "token_invalid",
        sign("u1", public.replace("-", ""), "HS256"): "token_invalid",
        sign("u1", first, exp=-100): "token_expired",
        sign("u2", first): "token_wrong_subject",
    }.items():
        assert site.identify(token, traits={"plan": "stolen"}, messageId=f"bad {reason}") == reason
        assert site.identify(token, type="alias", previousId="attacker") == reason
        assert site.user(userId="u1", userToken=token) == reason
    kept = "SELECT DISTINCT reason FROM ask0.quarantine WHERE message_id LIKE 'bad %' ORDER BY reason FORMAT CSV"
    reasons = ["token_expired", "token_invalid", "token_missing", "token_wrong_subject"]
    wait_for(lambda: site.query(kept).replace('"', "").split() == reasons, "the refused events in the quarantine")
    assert site.query("SELECT count() FROM ask0.quarantine WHERE raw LIKE '%eyJ%'") == "0"

    old = site.ask0("verification", "list", "--json").json[0]["keys"][0]["id"]
    assert site.ask0("verification", "remove", old).code == 0
    wait_for(lambda: site.identify(u1) == "token_invalid", "the gateway to forget the first key")
    assert site.user(userId="u1", userToken=sign("u1", private, "RS256")) == {"id": "u1", "plan": "pro"}
    assert "--off" in site.ask0("verification", "remove", second["id"]).err
    assert site.plan() == "pro"


def test_a_guest_does_not_become_a_user_by_naming_one(site: Site) -> None:
    secret = site.add_key()["secret"]
    site.ask0("verification", "require")
    wait_for(lambda: site.identify() == "token_missing", "the gateway to require tokens")
    token = sign("u1", secret)
    site.identify(token, traits={"plan": "pro"}, anonymousId="of-u1")
    named = {"userId": "u1", "anonymousId": "attacker"}
    for event in ({"type": "page"}, {"event": "A"}, {"type": "group", "groupId": "g"}, {"type": "screen"}):
        assert site.stack.post("/v1/batch", {"batch": [{**named, **event}]})[0] == 200
    assert site.identify(userId=None, anonymousId="attacker", traits={"plan": "stolen"}) == ""
    assert site.identify(**named) == "token_missing"
    stored = "SELECT count() FROM ask0.events WHERE anonymous_id = 'attacker'"
    wait_for(lambda: site.query(stored) == "5", "the guest's events")
    wait_for(lambda: site.user(anonymousId="attacker") == {"id": "g-attacker", "plan": "stolen"}, "the guest's own row")
    assert site.query(f"{stored} AND sent_user_id = 'u1'") == "4"
    assert site.query("SELECT anonymous_id, user_id FROM ask0.identities") == "of-u1\tu1"
    assert site.user(**named) == "token_missing"
    assert site.user(**named, userToken=token) == {"id": "u1", "plan": "pro"}
    assert site.user(anonymousId="of-u1") is None, "who they have become is for the token to tell"


def test_a_refused_event_is_replayed_by_someone_who_vouches_for_it(site: Site) -> None:
    secret = site.add_key()["secret"]
    site.ask0("verification", "require")
    wait_for(lambda: site.identify() == "token_missing", "the gateway to require tokens")
    token = sign("u1", secret, exp=-100)
    assert site.identify(token, traits={"plan": "late"}, messageId="late") == "token_expired"
    found = "SELECT id FROM ask0.quarantine WHERE message_id = 'late'"
    wait_for(lambda: site.query(found), "the refused event")
    id = site.query(found)
    refused = site.ask0("quarantine", "replay", id)
    assert (refused.code, "userToken" in refused.out) == (1, True)
    assert site.ask0("quarantine", "replay", id, "--set", f"userToken={token}").code == 1
    wrong = site.ask0("quarantine", "replay", id, "--secret-key", "sk_nobodys")
    assert (wrong.code, len(wrong.err.splitlines())) == (1, 1)
    key = site.ask0("key", "create", "--secret", "--json").json["key"]
    done = site.ask0("quarantine", "replay", id, "--secret-key", key)
    assert done.code == 0, done
    wait_for(lambda: site.plan() == "late", "the replayed event")


def test_analysts_read_no_verification_key(site: Site) -> None:
    secret = site.add_key()["secret"]
    for sql in ("SELECT * FROM ask0.catalog", "SELECT * FROM merge('ask0', 'cat.*')", "DESCRIBE ask0.catalog"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            site.query(sql)
        with refused.value as answer:
            assert secret not in answer.read().decode()


def test_a_third_key_is_refused_and_a_secret_is_shown_once(server: Server) -> None:
    project = server.run("project", "create", "Two keys", "--json").json["id"]
    ask = ("--project", project)
    made = server.run("verification", "add", *ask)
    secret = made.out.splitlines()[1].split()[1]
    assert secret.startswith("vs_")
    given = server.run("verification", "add", *ask, "--secret", "-", stdin=b"a secret of the site's own, long enough\n")
    assert (given.code, "a secret of" in given.out + given.err) == (0, False)
    third = server.run("verification", "add", *ask)
    assert (third.code, "verification remove" in third.err, len(third.err.splitlines())) == (1, True, 1)
    for listed in (server.run("verification", "list"), server.run("verification", "list", *ask, "--json")):
        assert listed.out.count("vk_") >= 2
        assert secret not in listed.out
        assert "of the site's own" not in listed.out


def test_what_pages_may_read_is_said_by_name(server: Server) -> None:
    project = server.run("project", "create", "Readable", "--json").json["id"]
    for traits, expected in (("plan, seats,plan", ["plan", "seats"]), ("", [])):
        changed = server.run("verification", "readable", traits, "--project", project, "--json").json
        assert changed["readable"] == expected
    assert server.run("verification", "require", "--off", "--project", project).code == 0
    assert project in [one["id"] for one in server.run("project", "list", "--json").json]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        (("--secret", "-"), b"short", 1),
        (("--secret", "-"), b"-----BEGIN PUBLIC KEY-----" + b"x" * 40, 1),
        (("--secret", "-"), b"\xff" * 40, 1),
        (("--public-key", "-"), b"no key", 1),
        (("--algorithm", "RS256"), b"", 2),
        (("--algorithm", "HS256", "--public-key", "-"), b"", 2),
        (("--secret", "-", "--public-key", "-"), b"", 2),
        (("--project", "Nobody"), b"", 1),
    ],
)
def test_a_key_that_cannot_work_is_not_taken(
    server: Server, arguments: tuple[str, ...], stdin: bytes, code: int
) -> None:
    done = server.run("verification", "add", *arguments, stdin=stdin)
    assert done.code == code, done
    assert "Traceback" not in done.err


def test_a_key_that_is_not_there_is_said(server: Server) -> None:
    done = server.run("verification", "remove", "vk_nothing")
    assert (done.code, len(done.err.splitlines())) == (1, 1)
