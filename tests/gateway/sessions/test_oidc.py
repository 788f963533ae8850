"""Signing in with a real OpenID provider: members get in, and nobody else, whatever it answers or a stranger sends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from ask0.gateway.oidc.waiting import path_of
from ask0.gateway.sessions.attempts import BURST
from ask0.warehouse.connect import Warehouse
from bench.stack import free_port, wait_for
from tests.gateway.running import PROJECT, Running, running, working
from tests.gateway.sessions.people import PASSWORD, Person, let_in, owner_of_all, person, wait_until_known
from tests.oidc.provider import OpenIdProvider, open_provider

pytestmark = pytest.mark.apart  # the provider is a program of its own
PUBLIC = "https://ask0.example.com"
START = "/v1/session/oidc"


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with open_provider(PUBLIC) as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(
    provider: OpenIdProvider, clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("oidc")
    settings = {"trusted_proxies": "127.0.0.1", "public_url": PUBLIC, **provider.settings}
    with running(folder, clickhouse, **settings) as gateway, working(gateway, clickhouse):
        yield gateway


class Visitor(Person):
    """A browser that keeps its cookies by name."""

    def __init__(self, gateway: Running, **headers: str) -> None:
        super().__init__(gateway, **headers)
        self.jar: dict[str, str] = {}

    def visit(self, url: str) -> httpx.Response:
        """A page of the gateway, as the address bar has it."""
        path = url.removeprefix(PUBLIC)
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        answer = httpx.get(f"{self.url}{path}", headers={**self.headers, "cookie": cookies}, timeout=30, verify=False)
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.jar[name] = value
            assert all(part in cookie for part in ("; Path=/; HttpOnly; SameSite=Lax", "; Secure")), cookie
            assert name.startswith("__Host-")
        self.cookie = f"__Host-ask0_session={self.jar.get('__Host-ask0_session', '')}"
        return answer

    def go(self, login: str, to: str = "") -> str:
        """To the provider, and there in as whoever has the login; the address that it sends the browser back to."""
        answer = self.visit(f"{START}?to={quote(to, safe='')}" if to else START)
        assert answer.status_code == 303, answer.text
        with httpx.Client(timeout=30, verify=False) as at_provider:
            page = at_provider.get(answer.headers["location"])
            while page.is_redirect:
                back = page.url.join(page.headers["location"])
                if str(back).startswith(PUBLIC):
                    return str(back)
                page = at_provider.get(back)
                if page.status_code == 200:
                    page = at_provider.post(back, data={"login": login})
        raise AssertionError(page.text)

    def sign_in_there(self, login: str, to: str = "") -> str:
        """Where the browser is in the end."""
        answer = self.visit(self.go(login, to))
        assert answer.status_code == 303, answer.text
        location: str = answer.headers["location"]
        return location


def invited(gateway: Running, email: str, role: str = "viewer") -> str:
    """Known to the gateway; the token of their link."""
    token = let_in(gateway, email, role)
    wait_until_known(Person(gateway), token)
    return token


def known(login: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {login: {"sub": f"sub-{login}", "email": f"{login}@example.com", "email_verified": True, **more}}


def test_who_was_invited_gets_in_with_their_account_and_their_link_is_of_no_use_then(
    gateway: Running, provider: OpenIdProvider
) -> None:
    token = invited(gateway, "ann@example.com")
    provider.set(known("ann", email="Ann@Example.com", name="Ann  Example"))
    ann = Visitor(gateway)
    told = ann.call("GET", "/v1/session/methods").json()["oidc"]
    assert told == {"name": "127.0.0.1", "url": START}
    assert ann.sign_in_there("ann", "/console/p/x/users?search=a%20b") == "/console/p/x/users?search=a%20b"
    session = ann.call("GET", "/v1/session").json()
    assert session["member"] | {"id": ""} == {
        "id": "",
        "email": "ann@example.com",
        "name": "Ann Example",
        "hasPassword": False,
        "hasCode": False,
    }
    assert [one["id"] for one in session["projects"]] == [PROJECT]
    assert Person(gateway).call("POST", "/v1/session/link", {"token": token}).status_code == 410
    assert Visitor(gateway).sign_in_there("ann") == "/console/"


def test_an_account_stays_its_members_whatever_becomes_of_its_email(gateway: Running, provider: OpenIdProvider) -> None:
    for email in ("bea@example.com", "boss-of-bea@example.com"):
        invited(gateway, email)
    provider.set(known("bea"))
    bea = Visitor(gateway)
    assert bea.sign_in_there("bea") == "/console/"
    provider.set(known("bea", email="boss-of-bea@example.com"))
    again = Visitor(gateway)
    assert again.sign_in_there("bea") == "/console/"
    assert again.id == bea.id
    # And who has the email now, as an account of their own, gets nothing of hers.
    provider.set(known("newcomer", email="bea@example.com"))
    newcomer = Visitor(gateway)
    assert newcomer.sign_in_there("newcomer") == "/console/?signIn=other_account"
    assert not newcomer.is_in


def test_a_reset_frees_a_member_for_another_account(gateway: Running, provider: OpenIdProvider) -> None:
    invited(gateway, "cleo@example.com")
    provider.set(known("cleo") | known("cleo-2", email="cleo@example.com"))
    assert Visitor(gateway).sign_in_there("cleo") == "/console/"
    token = let_in(gateway, "cleo@example.com", "viewer", kind="reset")
    wait_until_known(Person(gateway), token)
    assert Person(gateway).use_link(token, password=PASSWORD).status_code == 200
    assert Visitor(gateway).sign_in_there("cleo-2") == "/console/"
    assert Visitor(gateway).sign_in_there("cleo") == "/console/?signIn=other_account"


def test_a_member_with_a_password_and_codes_may_come_both_ways(gateway: Running, provider: OpenIdProvider) -> None:
    dee = person(gateway, "dee@example.com", "viewer")
    provider.set(known("dee"))
    visitor = Visitor(gateway)
    assert visitor.sign_in_there("dee") == "/console/"
    assert visitor.id == dee.id
    assert Person(gateway).sign_in("dee@example.com").status_code == 200


NOBODYS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"email": "stranger@example.com"}, "not_invited"),
    ({"email_verified": False}, "unverified"),
    ({"email_verified": None}, "unverified"),
    ({"email_verified": 2}, "unverified"),
    ({"email": None}, "unverified"),
    ({"email": ["eli@example.com"]}, "unverified"),
    ({"email": "e" * 300 + "@example.com"}, "unverified"),
    ({"email": "eli@example.com\u0000"}, "not_invited"),
    ({"email": "eli@example.\u212aom"}, "not_invited"),  # whose lower case is a plain k
)


def test_nobody_else_gets_in_and_no_member_is_made_of_them(gateway: Running, provider: OpenIdProvider) -> None:
    for email in ("eli@example.com", "eli@example.kom"):
        invited(gateway, email)
    for claims, why in NOBODYS:
        provider.set(known("eli", **claims))
        eli = Visitor(gateway)
        assert eli.sign_in_there("eli") == f"/console/?signIn={why}", claims
        assert not eli.is_in, claims
    assert "stranger@" not in str(owner_of_all(gateway, "sees@example.com").call("GET", "/members").json())


TWISTS = (
    "nonce noNonce audience issuer expired noExpiry accessToken subject stranger unknownKey none symmetric clientSecret"
    " rubbish missing number page huge"
)


def test_a_token_that_is_not_right_in_every_way_lets_nobody_in(gateway: Running, provider: OpenIdProvider) -> None:
    invited(gateway, "fay@example.com")
    for twist in TWISTS.split():
        provider.set(known("fay"), twist)
        fay = Visitor(gateway)
        assert fay.sign_in_there("fay") == "/console/?signIn=away", twist
        assert not fay.is_in, twist
    provider.set({})
    assert Visitor(gateway).sign_in_there("fay") == "/console/"


def test_who_comes_back_in_another_browser_or_with_another_state_is_not_let_in(
    gateway: Running, provider: OpenIdProvider
) -> None:
    """Else somebody could sign others in as themselves, and read what they do."""
    invited(gateway, "gus@example.com")
    provider.set(known("gus"))
    gus, victim = Visitor(gateway), Visitor(gateway)
    back = gus.go("gus")
    state = parse_qs(urlsplit(back).query)["state"][0]
    elsewhere = f"{START}/callback"
    for visitor, url in (
        (victim, back),  # has begun nothing
        (gus, back.replace(state, "A" * 43)),
        (gus, elsewhere),
        (gus, f"{elsewhere}?code=x&state="),
        (gus, f"{elsewhere}?code=x&state=%F0%9F%99%82"),
    ):
        assert visitor.visit(url).headers["location"] == "/console/?signIn=begun_elsewhere"
        assert not visitor.is_in
    victim.visit(START)  # has begun something of its own
    assert victim.visit(back).headers["location"] == "/console/?signIn=begun_elsewhere"
    cookie = gus.jar["__Host-ask0_oidc"]
    for forged in (cookie[:-4] + "AAA=", cookie[:20], "x" * 200, ""):
        gus.jar["__Host-ask0_oidc"] = forged
        assert gus.visit(back).headers["location"] == "/console/?signIn=begun_elsewhere"
    gus.jar["__Host-ask0_oidc"] = cookie
    assert gus.visit(back).headers["location"] == "/console/"
    assert gus.is_in


def test_a_code_counts_once(gateway: Running, provider: OpenIdProvider) -> None:
    invited(gateway, "hal@example.com")
    provider.set(known("hal"))
    hal = Visitor(gateway)
    back = hal.go("hal")
    kept = dict(hal.jar)
    assert hal.visit(back).headers["location"] == "/console/"
    assert hal.jar["__Host-ask0_oidc"] == ""
    hal.jar = kept
    assert hal.visit(back).headers["location"] == "/console/?signIn=away"
    assert hal.visit(back.replace("iss=", "iss=x")).headers["location"] == "/console/?signIn=begun_elsewhere"


def test_an_answer_of_another_issuer_is_none(gateway: Running, provider: OpenIdProvider) -> None:
    invited(gateway, "ida@example.com")
    provider.set(known("ida"))
    ida = Visitor(gateway)
    assert ida.visit(ida.go("ida").replace("iss=http", "iss=https")).headers["location"] == "/console/?signIn=away"


def test_who_thinks_better_of_it_is_told_so(gateway: Running) -> None:
    assert Visitor(gateway).sign_in_there("") == "/console/?signIn=refused"


def test_who_tries_too_often_is_turned_away(gateway: Running, provider: OpenIdProvider) -> None:
    provider.set(known("jim"))
    jim = Visitor(gateway)
    found = [jim.sign_in_there("jim") for _ in range(BURST + 1)]
    assert found == ["/console/?signIn=not_invited"] * BURST + ["/console/?signIn=too_many"]
    assert jim.visit(START).headers["location"].startswith(provider.url)


ELSEWHERE = (
    "https://evil.example",
    "//evil.example",
    "javascript:alert(1)",
    "/console",
    "/consoles/",
    "/v1/me",
    "/console//evil.example",
    "/console/../v1/session",
    "/console/..",
    "/console/./x",
    "/console/%2e%2E/v1",
    "/console/\\evil.example",
    "/console/\t/evil",
    "/console/x\r\nset-cookie: a=b",
    "/console/x#y",
    "/console/é",
    f"/console/{'x' * 1_000}",
)


@pytest.mark.parametrize("to", ELSEWHERE)
def test_nobody_is_sent_anywhere_but_to_the_console(to: str) -> None:
    assert path_of(to) == "/console/"


def test_a_page_of_the_console_is_come_back_to() -> None:
    for to in (
        "/console/",
        "/console/p/proj_1/users?search=a%2Fb&sort=-x",
        "/console/p/x/users/a%2F..%2Fb?to=//x/../y",
    ):
        assert path_of(to) == to


def test_signing_in_is_in_the_audit_log(gateway: Running, provider: OpenIdProvider) -> None:
    owner = owner_of_all(gateway, "audits-oidc@example.com")
    invited(gateway, "kim@example.com")
    provider.set(known("kim") | known("not-kim", email="kim@example.com"))
    kim = Visitor(gateway)
    assert kim.sign_in_there("kim") == "/console/"
    assert Visitor(gateway).sign_in_there("not-kim") == "/console/?signIn=other_account"

    def told() -> list[str]:
        entries = owner.call("GET", f"/audit?entity=member&entityId={kim.id}").json()["audit"]
        assert all("kim@" not in str(entry) and "sub-kim" not in str(entry) for entry in entries)
        return sorted(entry["action"] for entry in entries)

    expected = ["member.provider_bound", "member.sign_in_failed", "member.signed_in"]
    wait_for(lambda: told() == expected, "the entries")


def test_other_ways_of_a_provider_work_too(clickhouse: Warehouse, tmp_path: Path) -> None:
    """The client's secret as a header, and the email in the id_token."""
    with (
        open_provider(PUBLIC, AUTH_METHOD="client_secret_basic", EMAIL_IN="id_token") as provider,
        running(tmp_path, clickhouse, public_url=PUBLIC, **provider.settings) as gateway,
    ):
        invited(gateway, "lou@example.com")
        provider.set(known("lou"))
        assert Visitor(gateway).sign_in_there("lou") == "/console/"


def test_a_provider_that_is_away_is_said_and_comes_back(clickhouse: Warehouse, tmp_path: Path) -> None:
    settings = OpenIdProvider(f"http://127.0.0.1:{free_port()}").settings
    with running(tmp_path, clickhouse, public_url=PUBLIC, **settings) as gateway:
        visitor = Visitor(gateway)
        for _ in range(3):
            assert visitor.visit(START).headers["location"] == "/console/?signIn=away"
        assert visitor.call("GET", "/v1/session/methods").json()["oidc"]["url"] == START
        assert visitor.visit(f"{START}/callback?code=x&state=y").status_code == 303


def test_without_a_provider_there_is_no_way_there(clickhouse: Warehouse, tmp_path: Path) -> None:
    with running(tmp_path, clickhouse) as gateway:
        assert gateway.client.get("/v1/session/methods").json()["oidc"] is None
        for path in (START, f"{START}/callback"):
            assert gateway.client.get(path).status_code == 404
