"""The guest's cookie over HTTP: a long life for the site's own pages, and nothing for any other site's."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, REVOKED_KEY, Running, running

GUEST = "g-0b5d-A_1"
FOREIGN = "https://evil.example"


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Reached as https://in.example.com, by pages of example.com and what is under it."""
    settings: dict[str, Any] = {"public_url": "https://in.example.com", "cookie_domain": ".Example.com"}
    with running(tmp_path_factory.mktemp("cookie"), clickhouse, **settings) as gateway:
        yield gateway


def ask(gateway: Running, origin: str | None, body: Any = None, **headers: str) -> httpx.Response:
    """As the widget does; every request with a client of its own, as each keeps cookies."""
    sent = {"Content-Type": "text/plain", **({"Origin": origin} if origin else {})}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body or {"writeKey": KEY, "anonymousId": GUEST}).encode()
    return httpx.post(f"{gateway.url}/v1/cookie", content=content, headers=sent, timeout=30)


@pytest.mark.parametrize(
    "origin",
    ["https://example.com", "https://www.example.com", "https://in.example.com", "https://www.example.com:444"],
)
def test_a_page_of_the_domain_gets_a_cookie_for_400_days(gateway: Running, origin: str) -> None:
    answer = ask(gateway, origin)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "anonymousId": GUEST})
    assert answer.headers.get_list("set-cookie") == [
        f"ask0={GUEST}; Path=/; Max-Age=34560000; SameSite=Lax; Secure; Domain=example.com"
    ]
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "origin",
    [
        FOREIGN,
        "https://example.com.evil.example",
        "https://evilexample.com",
        "https://com",
        "http://www.example.com",
        "https://www.example.com@evil.example",
        "https://evil.example/.example.com",
        "file://",
        "null",
        "",
        None,
    ],
)
def test_another_sites_page_sets_nobodys_cookie(gateway: Running, origin: str | None) -> None:
    for site in ({}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "none"}):
        answer = ask(gateway, origin, Cookie=f"ask0={GUEST}", **site)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
        assert "ASK0_COOKIE_DOMAIN" in answer.json()["message"]
        assert "set-cookie" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers


def test_the_origin_counts_before_anything_in_the_body(gateway: Running) -> None:
    for body in (b"", b"{", {"writeKey": "wk_unknown"}):
        assert ask(gateway, FOREIGN, body).status_code == 403


def test_the_cookie_that_is_there_wins_and_is_prolonged(gateway: Running) -> None:
    answer = ask(gateway, "https://example.com", Cookie=f"a=b; ask0=g-first; xask0=g-x; ask0=g-second; ask0={GUEST}")
    assert answer.json()["anonymousId"] == "g-first"
    assert answer.headers["set-cookie"].startswith("ask0=g-first;")
    for other in ("ask0=someone", "ask0=", "task0=g-other", f"ask0=g-{'x' * 254}", "ask0=g-a%0d%0a", "ask0"):
        assert ask(gateway, "https://example.com", Cookie=other).json()["anonymousId"] == GUEST


@pytest.mark.parametrize(
    "anonymous_id",
    [
        None,
        "",
        "g-",
        "someone",
        7,
        ["g-a"],
        f"g-{'x' * 254}",
        "g-a; Domain=evil.example",
        "g-a\r\nX: y",
        "g-ä",
        "g-a\n",
    ],
)
def test_only_a_guests_id_becomes_a_cookie(gateway: Running, anonymous_id: object) -> None:
    answer = ask(gateway, "https://example.com", {"writeKey": KEY, "anonymousId": anonymous_id})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_anonymous_id")
    assert "set-cookie" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == "https://example.com", "the page may read what is wrong"


def test_an_id_of_255_characters_is_taken(gateway: Running) -> None:
    guest = "g-" + "x" * 253
    assert ask(gateway, "https://example.com", {"writeKey": KEY, "anonymousId": guest}).json()["anonymousId"] == guest


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"anonymousId": GUEST}, 401),
        ({"writeKey": REVOKED_KEY, "anonymousId": GUEST}, 401),
        ({"writeKey": ["x"], "anonymousId": GUEST}, 401),
        (b"[]", 400),
        (b"", 400),
        (b"x" * 600_000, 413),
    ],
)
def test_a_request_that_cannot_be_served_says_why_to_the_page(gateway: Running, body: Any, status: int) -> None:
    answer = ask(gateway, "https://example.com", body)
    assert (answer.status_code, bool(answer.json()["message"])) == (status, True)
    assert "set-cookie" not in answer.headers
    assert answer.headers["access-control-allow-credentials"] == "true"


def test_without_a_domain_only_pages_of_the_gateways_own_host_get_a_cookie_of_that_host(shared: Running) -> None:
    for origin in (shared.url, "http://127.0.0.1", "https://127.0.0.1:3000"):
        secure = "; Secure" if origin.startswith("https") else ""
        answer = ask(shared, origin)
        assert answer.headers["set-cookie"] == f"ask0={GUEST}; Path=/; Max-Age=34560000; SameSite=Lax{secure}"
    for origin in ("http://localhost", "http://127.0.0.2", "http://www.127.0.0.1"):
        assert ask(shared, origin).status_code == 403


def test_a_proxy_path_may_change_host_as_the_browser_says_where_the_request_went(shared: Running) -> None:
    answer = ask(shared, "https://shop.example", Sec_Fetch_Site="same-origin")
    assert answer.headers["set-cookie"] == f"ask0={GUEST}; Path=/; Max-Age=34560000; SameSite=Lax; Secure"
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    answer = ask(shared, None, Sec_Fetch_Site="same-origin")
    assert answer.headers["set-cookie"] == f"ask0={GUEST}; Path=/; Max-Age=34560000; SameSite=Lax"
    assert "access-control-allow-origin" not in answer.headers


def test_a_host_that_is_not_under_the_domain_gets_a_cookie_of_its_own(gateway: Running) -> None:
    answer = ask(gateway, "https://shop.example", Sec_Fetch_Site="same-origin")
    assert "Domain" not in answer.headers["set-cookie"]


def test_a_preflight_is_answered_as_the_request_would_be(gateway: Running) -> None:
    def preflight(origin: str) -> httpx.Response:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return httpx.options(f"{gateway.url}/v1/cookie", headers=headers, timeout=30)

    answer = preflight("https://www.example.com")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-origin"] == "https://www.example.com"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert "content-type" in answer.headers["access-control-allow-headers"]
    refused = preflight(FOREIGN)
    assert refused.status_code == 403
    assert "access-control-allow-credentials" not in refused.headers


def test_the_ingestion_paths_stay_without_credentials(gateway: Running) -> None:
    answer = gateway.post("/v1/track", {"event": "x", "userId": "u"}, headers={"Origin": "https://www.example.com"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_the_description_names_it(gateway: Running) -> None:
    described = gateway.client.get("/openapi.json").json()["paths"]["/v1/cookie"]
    assert list(described) == ["post"]
    answer = described["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Renewed"}
