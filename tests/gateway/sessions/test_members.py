"""Who may invite, change and remove whom; and that it counts at once, also where somebody is signed in."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ask0.schemas.catalog import Project
from ask0.schemas.roles import BUILT_IN
from ask0.schemas.scopes import SCOPES
from bench.stack import wait_for
from tests.gateway.running import OTHER_PROJECT, PROJECT, SECRET, Running, save
from tests.gateway.sessions.people import PASSWORD, Person, let_in, owner_of_all, person


@pytest.fixture(scope="module")
def boss(served: Running) -> Person:
    """Owns everything."""
    return owner_of_all(served, "boss@example.com")


@pytest.fixture(scope="module")
def admin(served: Running) -> Person:
    """Of the first project alone."""
    return person(served, "admin@example.com", "admin")


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def invite(by: Person, email: str, role: str) -> httpx.Response:
    return by.call("POST", "/members", {"email": email, "role": role})


def token_of(answer: httpx.Response) -> str:
    link: str = answer.json()["link"]
    return link.partition("/console/enter#")[2]


def test_somebody_is_invited_chooses_a_password_and_is_in(served: Running, admin: Person) -> None:
    answer = invite(admin, "Una@Example.com", "support")
    assert answer.status_code == 201, answer.text
    assert answer.json()["member"] | {"id": ""} == {
        "id": "",
        "email": "una@example.com",
        "name": "",
        "role": "support",
        "status": "invited",
        "everywhere": False,
        "lastSignInAt": None,
        "hasCode": False,
    }
    una = Person(served)
    told = una.call("POST", "/v1/session/link", {"token": token_of(answer)}).json()
    assert told == {"kind": "invitation", "email": "una@example.com", "projectName": f"Project {PROJECT}"}
    assert una.use_link(token_of(answer), name="Una", password=PASSWORD).status_code == 200
    assert una.call("GET", "/users").status_code == 200
    (shown,) = [one for one in admin.call("GET", "/members").json()["members"] if one["id"] == una.id]
    assert (shown["status"], shown["name"]) == ("active", "Una")
    assert shown["lastSignInAt"]
    assert code(invite(admin, "una@example.com", "viewer")) == (409, "exists")


def test_who_has_an_account_gets_a_role_and_no_link(served: Running, boss: Person) -> None:
    vic = person(served, "vic@example.com", "viewer", OTHER_PROJECT)
    answer = invite(boss, "vic@example.com", "editor")
    assert (answer.status_code, answer.json()["link"]) == (201, None)
    assert {one["id"]: one["role"] for one in vic.call("GET", "/v1/session").json()["projects"]} == {
        PROJECT: "editor",
        OTHER_PROJECT: "viewer",
    }
    assert code(vic.call("GET", "/v1/projects/-/users")) == (404, "unknown_project")  # of two, `-` is neither


def test_who_is_invited_elsewhere_and_has_not_come_is_not_taken_over_by_an_invitation(
    served: Running, boss: Person, admin: Person
) -> None:
    let_in(served, "waits@example.com", "admin", OTHER_PROJECT)
    answer = invite(admin, "waits@example.com", "viewer")
    assert (answer.status_code, answer.json()["link"]) == (201, None)
    let_in(served, "waits-too@example.com", "admin", OTHER_PROJECT)
    assert token_of(invite(boss, "waits-too@example.com", "viewer"))


def test_a_removed_member_is_out_wherever_they_are_signed_in(served: Running, admin: Person) -> None:
    wes = person(served, "wes@example.com", "viewer")
    elsewhere = Person(served)
    elsewhere.sign_in("wes@example.com")
    assert admin.call("DELETE", f"/members/{wes.id}").status_code == 204
    assert (wes.is_in, elsewhere.is_in) == (False, False)
    assert code(Person(served).sign_in("wes@example.com")) == (401, "wrong_sign_in")
    assert code(admin.call("DELETE", "/members/mem_unheard_of")) == (404, "unknown_member")
    again = invite(admin, "wes@example.com", "viewer")
    assert again.json()["link"]  # with nothing of before


def test_a_role_counts_at_once(served: Running, admin: Person) -> None:
    xia = person(served, "xia@example.com", "viewer")
    assert code(xia.call("PUT", "/users/xia-1", {"plan": "pro"})) == (403, "missing_scope")
    changed = admin.call("PATCH", f"/members/{xia.id}", {"role": "editor"})
    assert changed.json()["member"]["role"] == "editor"
    assert xia.call("PUT", "/users/xia-1", {"plan": "pro"}).status_code in (200, 201)
    admin.call("PATCH", f"/members/{xia.id}", {"role": "viewer"})
    assert code(xia.call("PUT", "/users/xia-1", {"plan": "free"})) == (403, "missing_scope")


def test_nobody_gives_more_than_they_have(served: Running, boss: Person, admin: Person) -> None:
    scopes = ["users:read", "members:write"]
    assert boss.call("PUT", "/roles/hr", {"name": "HR", "scopes": scopes}).status_code == 200
    hr = person(served, "hr@example.com", "viewer")
    boss.call("PATCH", f"/members/{hr.id}", {"role": "hr"})
    assert code(invite(hr, "more@example.com", "editor")) == (403, "missing_scope")
    assert code(hr.call("PATCH", f"/members/{hr.id}", {"role": "admin"})) == (403, "missing_scope")
    assert code(hr.call("PUT", "/roles/mine", {"name": "Mine", "scopes": [*SCOPES]})) == (403, "missing_scope")
    assert code(hr.call("PUT", "/roles/hr", {"name": "HR", "scopes": [*SCOPES]})) == (403, "missing_scope")
    assert code(hr.call("DELETE", f"/members/{admin.id}")) == (403, "missing_scope")
    assert code(hr.call("POST", f"/members/{admin.id}/reset")) == (403, "missing_scope")
    assert invite(hr, "equal@example.com", "hr").status_code == 201
    assert code(invite(admin, "owner@example.com", "owner")) == (403, "not_yours")
    for path, body in (("", {"role": "viewer"}), ("/reset", None)):
        method = "PATCH" if body else "POST"
        assert code(admin.call(method, f"/members/{boss.id}{path}", body)) == (403, "not_yours")
    assert code(admin.call("DELETE", f"/members/{boss.id}")) == (403, "not_yours")


def test_a_secret_key_manages_all_but_owners(served: Running, boss: Person) -> None:
    headers = {"authorization": f"Bearer {SECRET}"}
    key = Person(served, **headers)
    assert invite(key, "by-key@example.com", "admin").status_code == 201
    assert code(invite(key, "by-key-2@example.com", "owner")) == (403, "not_yours")
    assert code(key.call("DELETE", f"/members/{boss.id}")) == (403, "not_yours")


def test_the_last_owner_of_everything_stays(served: Running, boss: Person) -> None:
    assert code(boss.call("DELETE", f"/members/{boss.id}")) == (409, "last_owner")
    assert code(boss.call("PATCH", f"/members/{boss.id}", {"role": "viewer"})) == (409, "last_owner")
    second = owner_of_all(served, "second@example.com")
    assert second.call("DELETE", f"/members/{second.id}").status_code == 204
    assert not second.is_in


def test_who_has_roles_elsewhere_is_reset_by_who_owns_everything(served: Running, boss: Person, admin: Person) -> None:
    person(served, "yan@example.com", "viewer")
    yan = person(served, "yan@example.com", "viewer", OTHER_PROJECT)
    assert code(admin.call("POST", f"/members/{yan.id}/reset")) == (403, "not_yours")
    answer = boss.call("POST", f"/members/{yan.id}/reset")
    first = token_of(answer)
    second = token_of(boss.call("POST", f"/members/{yan.id}/reset"))
    assert code(Person(served).use_link(first, password="a new long one")) == (410, "link_used")
    assert Person(served).use_link(second, password="a new long one").status_code == 200
    assert not yan.is_in
    assert Person(served).sign_in("yan@example.com", "a new long one").status_code == 200


def test_roles_of_a_project_are_its_own(served: Running, boss: Person) -> None:
    assert (
        boss.call("PUT", "/roles/auditor", {"name": "<b>Auditor", "scopes": ["audit:read", "users:read"]}).status_code
        == 200
    )
    zoe = person(served, "zoe@example.com", "viewer")
    boss.call("PATCH", f"/members/{zoe.id}", {"role": "auditor"})
    assert zoe.call("GET", "/audit").status_code == 200
    assert code(zoe.call("GET", "/catalog/events")) == (403, "missing_scope")
    assert code(boss.call("DELETE", "/roles/auditor")) == (409, "not_possible")
    boss.call("PATCH", f"/members/{zoe.id}", {"role": "viewer"})
    assert boss.call("DELETE", "/roles/auditor").status_code == 204
    assert code(boss.call("DELETE", "/roles/auditor")) == (404, "unknown_role")
    assert code(boss.call("PATCH", f"/members/{zoe.id}", {"role": "auditor"})) == (400, "unknown_role")
    assert code(boss.call("PUT", "/roles/owner", {"name": "x", "scopes": []})) == (409, "exists")
    for id in ("A B", "x" * 51, "-x", "é"):
        assert code(boss.call("PUT", f"/roles/{id}", {"name": "x", "scopes": []})) == (400, "invalid_role"), id


def test_whose_profile_somebody_looks_at_is_in_the_audit_log_once_and_goes_with_an_erase(
    served: Running, boss: Person
) -> None:
    reader = person(served, "reader@example.com", "viewer")
    key = Person(served, authorization=f"Bearer {SECRET}")
    assert boss.call("PUT", "/users/read-1", {"plan": "pro"}).status_code in (200, 201)
    for _ in range(3):
        assert reader.call("GET", "/users/read-1").status_code == 200
        assert key.call("GET", "/users/read-1").status_code == 200

    def told() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = boss.call("GET", "/audit?action=user.read").json()["audit"]
        return [entry for entry in found if entry["actor"] == f"member:{reader.id}"]

    wait_for(lambda: len(told()) == 1, "the entry")
    assert (told()[0]["entity"], told()[0]["entityId"]) == ("user", "read-1")
    job = boss.call("DELETE", "/users/read-1").json()["job"]
    wait_for(lambda: boss.call("GET", f"/jobs/{job['id']}").json()["job"]["status"] == "done", "the erasure")
    assert told()[0]["entityId"] is None


def walked(gateway: Running) -> Iterator[tuple[str, str, list[str]]]:
    """All calls of servers, with the scopes that they need."""
    for path, methods in gateway.client.get("/openapi.json").json()["paths"].items():
        for method, described in methods.items():
            if path.startswith("/v1/projects/{project}/"):
                filled = path.replace("{project}", "proj_walked_by_members").replace("{id}", "walked-1")
                filled += "?goes=on" if path.endswith("/live") else ""  # which would not end: refused
                yield method.upper(), filled.replace("{tag}", "x").replace("{from}", "x"), described["x-scope"].split()


def test_every_role_may_do_what_its_scopes_say_and_nothing_else(served: Running) -> None:
    asyncio.run(save(served.log_dsn, Project(id="proj_walked_by_members", name="Walked", created_at=1)))
    people = {role: person(served, f"is-{role}@example.com", role, "proj_walked_by_members") for role in BUILT_IN}
    owner = people["owner"]
    wait_for(lambda: owner.call("GET", "/v1/projects/proj_walked_by_members/me").status_code == 200, "the project")
    seen = 0
    for method, path, needed in walked(served):
        for role, somebody in people.items():
            answer, scopes = somebody.call(method, path), BUILT_IN[role].scopes
            missing = [scope for scope in needed if scope not in scopes and scope != "any"]
            seen += 1
            if missing:
                assert code(answer) == (403, "missing_scope"), (role, method, path)
                assert answer.json()["scope"] == missing[0]
            else:
                assert answer.status_code not in (401, 403), (role, method, path, answer.text)
    assert seen > 6 * 60
