"""`ask0 project` and `ask0 key`, with the server running and without."""

from pathlib import Path

import httpx

from ask0.cli.datadir import locked
from tests.cli.processes import Server, run


def test_a_project_made_beside_the_running_server_can_send_at_once(server: Server) -> None:
    made = server.run("project", "create", "Second shop", "--json").json
    assert made["id"].startswith("proj_")
    assert len(made["writeKey"]) == 27
    assert len(made["secretKey"]) == 43
    event = {"type": "track", "event": "From the second shop", "userId": "u", "writeKey": made["writeKey"]}
    assert server.post([event]).json()["accepted"] == 1


def test_who_may_chat_is_the_projects_choice(server: Server) -> None:
    made = server.run("project", "create", "Third shop", "--json").json
    assert "identified" in server.run("project", "permission", "login", "--project", "Third shop").out
    listed = {row["name"]: row["permission"] for row in server.run("project", "list", "--json").json}
    assert (listed["Third shop"], listed["My project"]) == ("login", "guest")
    asked = f"{server.url}/v1/projects/-/access?anonymous=a"
    answer = httpx.get(asked, headers={"authorization": f"Bearer {made['secretKey']}"}).json()
    assert (answer["allowed"], answer["reason"]) == (False, "login_required")


def test_a_revoked_key_is_refused(server: Server) -> None:
    key = server.run("key", "create", "--project", "My project", "--json").json["key"]
    assert server.run("key", "revoke", key).code == 0
    (row,) = [row for row in server.run("key", "list", "--json").json if row["key"] == key]
    assert row["revoked"]


def test_a_secret_key_is_shown_once_and_revoked_by_its_beginning(server: Server) -> None:
    secret = server.run("key", "create", "--project", "My project", "--secret", "--json").json["key"]
    listed = server.run("key", "list").out
    assert secret not in listed
    assert secret[:7] in listed
    assert server.run("key", "revoke", secret[:7], "--json").json["kind"] == "secret"


def test_a_key_does_what_its_scopes_say_and_the_list_shows_them(server: Server) -> None:
    scopes = ("--scope", "users:read", "--scope", "access:read")
    made = server.run("key", "create", "--project", "My project", *scopes, "--json").json
    assert (made["kind"], made["scopes"]) == ("secret", "users:read access:read")
    headers = {"authorization": f"Bearer {made['key']}"}
    told = httpx.get(f"{server.url}/v1/projects/-/me", headers=headers).json()
    assert told["scopes"] == ["users:read", "access:read"]
    refused = httpx.put(f"{server.url}/v1/projects/-/users/u1", headers=headers, json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    listed = {row["key"]: row["scopes"] for row in server.run("key", "list", "--json").json}
    assert listed[f"{made['key'][:7]}…"] == "users:read access:read"
    assert {scopes for key, scopes in listed.items() if key.startswith("wk_")} == {""}
    assert "all" in listed.values()


def test_what_is_not_there_is_said(server: Server) -> None:
    for arguments in (("key", "revoke", "wk_nothing"), ("key", "create", "--project", "Nobody")):
        done = server.run(*arguments)
        assert (done.code, len(done.err.splitlines())) == (1, 1)


def test_without_a_server_and_tables_it_says_what_to_run_and_then_works(tmp_path: Path) -> None:
    settings = {"ASK0_DATA_DIR": str(tmp_path / "data")}
    assert "ask0 migrate" in run("quarantine", "list", settings=settings).err
    assert run("migrate", "--check", settings=settings).code == 1
    assert run("migrate", settings=settings).code == 0
    assert run("migrate", "--check", "--json", settings=settings).json == []
    assert run("project", "create", "Shop", settings=settings).code == 0
    assert [one["name"] for one in run("project", "list", "--json", settings=settings).json] == ["Shop"]


def test_a_folder_that_stays_in_use_is_exit_code_3(tmp_path: Path) -> None:
    with locked(tmp_path / "data"):
        done = run("migrate", settings={"ASK0_DATA_DIR": str(tmp_path / "data")})
    assert done.code == 3
    assert "in use" in done.err
