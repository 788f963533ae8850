"""`ask0 member`: who may sign in, by link, and what they may do."""

from pathlib import Path

import httpx
import pytest

from ask0.cli.greeting import CONSOLE_LINK_FILE
from bench.stack import wait_for
from tests.cli.processes import Server, run
from tests.gateway.sessions.people import PASSWORD


def token_of(link: str) -> str:
    return link.strip().partition("/console/enter#")[2]


def use(server: Server, link: str, **said: str) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/session/link/use", json={"token": token_of(link), **said})


def test_the_first_owner_comes_by_the_link_of_the_greeting_and_others_by_theirs(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        first = (tmp_path / "data" / CONSOLE_LINK_FILE).read_text()
        assert (tmp_path / "data" / CONSOLE_LINK_FILE).stat().st_mode & 0o077 == 0
        assert use(server, first).json()["projects"][0]["roleName"] == "Owner"
        assert use(server, first).status_code == 410

        invited = server.run("member", "invite", " Ann@Example.com ", "--json").json
        assert (invited["email"], invited["role"]) == ("ann@example.com", "owner")
        wait_for(lambda: use(server, invited["link"], password=PASSWORD).is_success, "the gateway to know her")
        assert "can sign in already" in server.run("member", "invite", "ann@example.com").out

        project = ("--project", "My project")
        bob = server.run("member", "invite", "bob@example.com", "--role", "support", *project)
        assert token_of(bob.out)
        listed = {one["email"]: one for one in server.run("member", "list", *project, "--json").json}
        assert listed["bob@example.com"]["roles"].startswith("support of proj_")
        assert server.run("member", "role", "bob@example.com", "viewer", *project).code == 0
        assert "viewer of" in server.run("member", "list").out
        assert token_of(server.run("member", "reset", "ann@example.com").out)
        assert server.run("member", "remove", "bob@example.com").out == "bob@example.com is out.\n"
        assert "bob@" not in server.run("member", "list").out
        wait_for(lambda: use(server, bob.out, password=PASSWORD).status_code == 410, "his link to be used up")


def test_a_second_start_makes_no_link_once_somebody_has_a_password(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Server(data) as server:
        link = server.run("member", "invite", "ann@example.com").out
        wait_for(lambda: use(server, link, password=PASSWORD).is_success, "the gateway to know her")
    (data / CONSOLE_LINK_FILE).unlink()
    with Server(data):
        assert not (data / CONSOLE_LINK_FILE).exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["invite", "nobody"], "is no email"),
        (["invite", "a@b.c", "--role", "king"], "there is no role 'king'"),
        (["invite", "a@b.c", "--project", "nowhere"], "nowhere"),
        (["role", "a@b.c", "viewer"], "nobody has the email a@b.c"),
        (["remove", "a@b.c"], "nobody has the email a@b.c"),
        (["reset", "a@b.c"], "nobody has the email a@b.c"),
    ],
)
def test_what_cannot_be_done_says_why(tmp_path: Path, arguments: list[str], message: str) -> None:
    failed = run("member", *arguments, settings={"ASK0_DATA_DIR": str(tmp_path)})
    assert failed.code != 0
    assert message in failed.err
