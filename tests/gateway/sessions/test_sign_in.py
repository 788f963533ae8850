"""Signing in: who is right gets in, nobody else does, and what is asked too often is asked in vain."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pyotp
import pytest

from ask0.gateway.sessions.attempts import BURST
from ask0.schemas.roles import EVERYWHERE
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import PROJECT, SECRET, Running, running
from tests.gateway.sessions.people import PASSWORD, Person, let_in, owner_of_all, person, wait_until_known


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def with_codes(somebody: Person) -> pyotp.TOTP:
    """Turned on."""
    secret = somebody.call("POST", "/v1/session/code").json()["secret"]
    codes = pyotp.TOTP(secret)
    turned_on = somebody.call("PUT", "/v1/session/code", {"secret": secret, "code": codes.now()})
    assert turned_on.status_code == 204, turned_on.text
    return codes


def next_code(codes: pyotp.TOTP, steps: int = 1) -> str:
    """The one of now may have been used."""
    return codes.at(int(time.time()) + 30 * steps)


def test_the_first_link_lets_an_owner_in_once_and_none_does_once_somebody_has_a_password(
    clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running(tmp_path_factory.mktemp("first"), clickhouse) as gateway:
        let_in(gateway, "invited@example.com", "owner", EVERYWHERE)  # and has not come yet
        token, owner = let_in(gateway, "", "owner", kind="first"), Person(gateway)
        wait_until_known(owner, token)
        told = owner.use_link(token).json()
        assert (told["member"]["email"], told["member"]["hasPassword"]) == ("", False)
        assert {one["roleName"] for one in told["projects"]} == {"Owner"}
        assert PROJECT in {one["id"] for one in told["projects"]}
        assert code(Person(gateway).use_link(token)) == (410, "link_used")
        again = let_in(gateway, "", "owner", kind="first")
        same = Person(gateway)
        wait_until_known(same, again)
        assert same.use_link(again).json()["member"]["id"] == told["member"]["id"]
        waiting = let_in(gateway, "", "owner", kind="first")
        wait_until_known(owner, waiting)
        said = owner.call("PATCH", "/v1/session/member", {"email": " Olga@Example.com ", "name": "Olga"})
        assert said.json()["member"]["email"] == "olga@example.com"
        assert owner.set_password(PASSWORD).json()["member"]["hasPassword"]
        assert code(Person(gateway).use_link(waiting)) == (410, "link_used")
        assert Person(gateway).sign_in("OLGA@example.com").status_code == 200


def test_a_session_stands_where_a_secret_key_does(served: Running) -> None:
    ann = person(served, "ann@example.com", "viewer")
    assert ann.call("GET", "/me").json()["caller"] == "member"
    assert ann.call("GET", "/users").status_code == 200
    assert ann.call("GET", "/v1/projects/-/users").status_code == 200
    assert code(ann.call("PUT", "/users/x", {"plan": "pro"})) == (403, "missing_scope")
    assert code(ann.call("GET", "/v1/projects/proj_second/users")) == (404, "unknown_project")
    assert code(ann.call("GET", "/v1/projects/proj_unheard_of/users")) == (404, "unknown_project")


def test_a_key_that_is_sent_beside_a_session_is_what_counts(served: Running) -> None:
    somebody = person(served, "beside@example.com", "viewer")
    answer = somebody.call("GET", "/me", authorization=f"Bearer {SECRET}")
    assert answer.json()["caller"] == "server"
    assert code(somebody.call("GET", "/me", authorization="Bearer sk_unknown")) == (401, "unknown_secret_key")


def test_wrong_names_and_wrong_passwords_are_answered_alike(served: Running) -> None:
    person(served, "ben@example.com", "viewer")
    answers = [
        Person(served).sign_in("ben@example.com", "wrong password"),
        Person(served).sign_in("nobody@example.com", "wrong password"),
        Person(served).sign_in("", PASSWORD),
        Person(served).sign_in("ben@example.com\x00", PASSWORD),
    ]
    assert {(answer.status_code, answer.json()["code"], answer.json()["message"]) for answer in answers} == {
        (401, "wrong_sign_in", "the email or the password is wrong")
    }
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_who_guesses_passwords_is_turned_away_even_with_the_right_one(served: Running) -> None:
    person(served, "guessed@example.com", "viewer")
    guesser = Person(served)
    with ThreadPoolExecutor(8) as threads:
        found = [*threads.map(lambda n: guesser.sign_in("guessed@example.com", f"guess {n}").status_code, range(30))]
    assert found.count(401) <= BURST
    answer = guesser.sign_in("guessed@example.com")
    assert (*code(answer), int(answer.headers["retry-after"]) > 0) == (429, "too_many_attempts", True)
    assert code(Person(served).sign_in("guessed@example.com")) == (429, "too_many_attempts")  # from elsewhere too
    assert code(guesser.sign_in("somebody-else@example.com")) == (429, "too_many_attempts")


def test_who_is_right_is_never_turned_away(served: Running) -> None:
    person(served, "often@example.com", "viewer")
    often = Person(served)
    assert {often.sign_in("often@example.com").status_code for _ in range(2 * BURST)} == {200}


def test_codes_are_asked_for_and_each_counts_once(served: Running) -> None:
    cyd = person(served, "cyd@example.com", "viewer")
    codes = with_codes(cyd)
    assert cyd.call("GET", "/v1/session").json()["member"]["hasCode"]
    browser = Person(served)
    assert code(browser.sign_in("cyd@example.com")) == (401, "code_needed")
    assert code(browser.sign_in("cyd@example.com", "wrong password")) == (401, "wrong_sign_in")
    assert code(browser.sign_in("cyd@example.com", code=codes.now())) == (401, "wrong_code")  # it turned them on
    one = next_code(codes)
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda _: Person(served).sign_in("cyd@example.com", code=one).status_code, range(4))]
    assert sorted(found) == [200, 401, 401, 401]


def test_who_knows_the_password_cannot_guess_the_code(served: Running) -> None:
    dan = person(served, "dan@example.com", "viewer")
    codes = with_codes(dan)
    right = {codes.at(0), next_code(codes, 0), next_code(codes), next_code(codes, -1)}
    wrong = [f"{n:06}" for n in range(40) if f"{n:06}" not in right][: 2 * BURST]
    found = [code(Person(served).sign_in("dan@example.com", code=one)) for one in wrong]
    assert found.count((401, "wrong_code")) <= BURST
    assert found[-1] == (429, "too_many_attempts")


def test_codes_go_off_with_a_code_and_by_a_reset(served: Running) -> None:
    eve = person(served, "eve@example.com", "viewer")
    codes = with_codes(eve)
    assert code(eve.call("POST", "/v1/session/code")) == (409, "exists")
    assert code(eve.call("DELETE", "/v1/session/code", {"code": codes.now()})) == (401, "wrong_code")
    token = let_in(served, "eve@example.com", "viewer", kind="reset")
    wait_until_known(eve, token)
    reset = Person(served)
    assert reset.use_link(token, password="another horse battery").status_code == 200
    assert not reset.call("GET", "/v1/session").json()["member"]["hasCode"]
    assert not eve.is_in
    codes = with_codes(reset)
    assert reset.call("DELETE", "/v1/session/code", {"code": next_code(codes)}).status_code == 204
    assert Person(served).sign_in("eve@example.com", "another horse battery").status_code == 200


def test_a_code_needs_a_secret_that_was_made_here(served: Running) -> None:
    fay = person(served, "fay@example.com", "viewer")
    for secret in ("", "A", "not base32!", "A" * 100):
        answer = fay.call("PUT", "/v1/session/code", {"secret": secret, "code": "000000"})
        assert code(answer) == (422, "wrong_code")


def test_a_cookie_that_was_there_before_is_nobodys(served: Running) -> None:
    """Somebody may have put it there, to be signed in with whoever comes."""
    person(served, "gus@example.com", "viewer")
    chosen = "a" * 43
    gus = Person(served)
    gus.cookie = f"ask0_session={chosen}"
    answer = gus.sign_in("gus@example.com")
    assert answer.status_code == 200
    assert chosen not in answer.headers["set-cookie"]
    assert not Person(served, cookie=f"ask0_session={chosen}").is_in


def test_a_new_password_ends_all_sessions_but_goes_on_as_a_new_one(served: Running) -> None:
    hal = person(served, "hal@example.com", "viewer")
    elsewhere = Person(served)
    elsewhere.sign_in("hal@example.com")
    before = hal.cookie
    assert code(hal.set_password("some new horse", "wrong")) == (422, "wrong_password")
    assert hal.set_password("some new horse", PASSWORD).status_code == 200
    assert hal.cookie != before
    assert (hal.is_in, elsewhere.is_in) == (True, False)
    assert not Person(served, cookie=before).is_in
    assert code(Person(served).sign_in("hal@example.com")) == (401, "wrong_sign_in")


@pytest.mark.parametrize(
    "password", ["", "short", "password123", "Passw0rd2024", "12345678", "aaaaaaaaaa", "ida@example.com", "x" * 129]
)
def test_passwords_that_are_tried_first_are_refused(served: Running, password: str) -> None:
    token = let_in(served, "ida@example.com", "viewer")
    ida = Person(served)
    wait_until_known(ida, token)
    answer = ida.use_link(token, password=password)
    assert answer.status_code in (400, 422), answer.text
    assert "set-cookie" not in answer.headers
    assert ida.call("POST", "/v1/session/link", {"token": token}).status_code == 200  # it can be used still


def test_of_two_who_use_a_link_at_once_one_is_let_in(served: Running) -> None:
    token = let_in(served, "jo@example.com", "viewer")
    people = [Person(served) for _ in range(4)]
    wait_until_known(people[0], token)
    with ThreadPoolExecutor(4) as threads:
        found = [*threads.map(lambda one: one.use_link(token, password=PASSWORD).status_code, people)]
    assert sorted(found) == [200, 410, 410, 410]


def test_a_page_of_another_site_signs_nobody_in_and_writes_nothing(served: Running) -> None:
    kim = person(served, "kim@example.com", "editor")
    for headers in (
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
    ):
        assert code(kim.call("PUT", "/users/kim-1", {"plan": "pro"}, **headers)) == (403, "other_site")
        stranger = Person(served, **headers)
        assert code(stranger.sign_in("kim@example.com")) == (403, "other_site")
    assert code(kim.call("PUT", "/users/kim-1", {"plan": "pro"}, **{"x-csrf-token": "0" * 32})) == (
        403,
        "wrong_csrf_token",
    )
    other = person(served, "kim2@example.com", "editor")
    answer = kim.call("PUT", "/users/kim-1", {"plan": "pro"}, **{"x-csrf-token": other.csrf})
    assert code(answer) == (403, "wrong_csrf_token")
    csrf, kim.csrf = kim.csrf, ""
    assert code(kim.call("DELETE", "/v1/session")) == (403, "wrong_csrf_token")
    kim.csrf = csrf
    written = kim.call(
        "PUT", "/users/kim-1", {"plan": "pro"}, **{"sec-fetch-site": "same-origin", "origin": served.url}
    )
    assert written.status_code in (200, 201)


def test_the_cookie_is_for_nobody_else(served: Running) -> None:
    person(served, "lea@example.com", "viewer")
    plain = Person(served).sign_in("lea@example.com").headers["set-cookie"]
    assert re.fullmatch(r"ask0_session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Max-Age=\d+", plain)
    behind = Person(served, **{"x-forwarded-proto": "https"})
    secure = behind.sign_in("lea@example.com").headers["set-cookie"]
    assert re.fullmatch(r"__Host-ask0_session=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Max-Age=\d+; Secure", secure)
    token = secure.partition("=")[2].partition(";")[0]
    over_tls = {"x-forwarded-proto": "https"}
    assert Person(served, cookie=f"__Host-ask0_session={token}", **over_tls).is_in
    assert not Person(served, cookie=f"ask0_session={token}", **over_tls).is_in  # which a neighbour may have set


def test_people_see_and_end_their_own_sessions_alone(served: Running) -> None:
    mia, other = person(served, "mia@example.com", "viewer"), person(served, "not-mia@example.com", "viewer")
    elsewhere = Person(served, **{"user-agent": "Phone  " * 100 + "end"})
    elsewhere.sign_in("mia@example.com")
    own = mia.call("GET", "/v1/session/all").json()["sessions"]
    assert [one["current"] for one in own].count(True) == 1
    (theirs,) = [one for one in own if not one["current"]]
    assert theirs["device"].startswith("Phone Phone")
    assert len(theirs["device"]) <= 120
    assert code(other.call("DELETE", f"/v1/session/all/{theirs['id']}")) == (404, "unknown_session")
    assert elsewhere.is_in
    assert mia.call("DELETE", f"/v1/session/all/{theirs['id']}").status_code == 204
    assert (mia.is_in, elsewhere.is_in) == (True, False)
    assert mia.call("DELETE", "/v1/session").status_code == 204
    assert not mia.is_in


def test_the_oldest_of_too_many_sessions_ends(served: Running) -> None:
    first = person(served, "many@example.com", "viewer")
    last = [Person(served) for _ in range(20)]
    for one in last:
        one.sign_in("many@example.com")
    assert not first.is_in
    assert len(last[-1].call("GET", "/v1/session/all").json()["sessions"]) == 20


def test_an_email_is_said_once_and_is_one_persons(served: Running) -> None:
    ned = person(served, "ned@example.com", "viewer")
    assert code(ned.call("PATCH", "/v1/session/member", {"email": "ann@example.com"})) == (409, "not_possible")
    for email in ("", "x", "a b@c.d", "a@b@c", "<script>@x.y", "x@" + "y" * 300):
        assert ned.call("PATCH", "/v1/session/member", {"email": email}).status_code in (400, 409), email


NAMES = {"markup": "<img src=x onerror=alert(1)>", "turned round": "\u202eevil", "emoji": "🙂" * 100, "long": "x" * 200}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_is_kept_as_it_is(served: Running, name: str) -> None:
    pat = person(served, f"pat-{len(name)}@example.com", "viewer")
    assert pat.call("PATCH", "/v1/session/member", {"name": name}).json()["member"]["name"] == name


@pytest.mark.parametrize(
    "body",
    [
        {"email": "x" * 30_000, "password": "y"},
        {"email": "a@b.c", "password": "y" * 30_000},
        {"email": ["a@b.c"], "password": "y"},
        {"email": "a@b.c"},
        {"email": "a@b.c", "password": "y", "code": "12345x"},
        {"email": "a@b.c", "password": "y", "more": 1},
    ],
)
def test_what_cannot_be_a_sign_in_is_refused_before_anything_is_looked_at(served: Running, body: Any) -> None:
    answer = Person(served).call("POST", "/v1/session", body)
    assert code(answer) == (400, "invalid_body")
    assert "30" not in answer.text or "y" * 100 not in answer.text


def test_half_a_surrogate_pair_is_a_wrong_password(served: Running) -> None:
    person(served, "qi@example.com", "viewer")
    browser = Person(served)
    answer = browser.call("POST", "/v1/session", b'{"email":"qi@example.com","password":"\\ud800 long enough"}')
    assert answer.status_code in (400, 401)


def test_what_people_do_to_get_in_is_in_the_audit_log(served: Running) -> None:
    owner = owner_of_all(served, "audits@example.com")
    ray = person(served, "ray@example.com", "viewer")
    Person(served).sign_in("ray@example.com", "wrong password")
    Person(served).sign_in("ray@example.com", "wrong password")
    Person(served).sign_in("nobody-at-all@example.com", "wrong password")
    member = ray.id

    def told() -> list[str]:
        entries = owner.call("GET", f"/audit?entity=member&entityId={member}").json()["audit"]
        assert all("ray@" not in str(entry) for entry in entries)
        return sorted(entry["action"] for entry in entries)

    expected = ["member.accepted", "member.sign_in_failed", "member.signed_in"]
    wait_for(lambda: told() == expected, "the entries")
    everything = str(owner.call("GET", "/audit?limit=200").json())
    assert "nobody-at-all" not in everything
