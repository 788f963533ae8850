"""Errors in one form on every path, CORS on all of them, and what is in the API's description."""

import pytest

from ask0.gateway import app
from ask0.gateway.ingest.endpoint import ingest_paths
from ask0.schemas.wire import Error
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, Running, running, track


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/v2/track", 404),
        ("GET", "/v1//track", 404),
        ("GET", "/demo", 404),
        ("POST", "/health/live", 405),
        ("DELETE", "/metrics", 405),
        ("GET", "/v1/projects/wk_nobodys/settings", 401),
        ("GET", "/sourceConfig", 401),
        ("GET", "/snippet.js?writeKey=wk_nobodys", 401),
        ("GET", "/snippet.js", 401),
    ],
)
def test_an_error_says_a_code_and_a_message(gateway: Running, method: str, path: str, status: int) -> None:
    answer = gateway.client.request(method, path)
    assert answer.status_code == status
    error = Error.model_validate(answer.json())
    assert error.code
    assert error.message
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_file_that_is_not_there_is_no_answer_for_other_sites(gateway: Running) -> None:
    answer = gateway.client.get("/ask0.9.9.9.js")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "access-control-allow-origin" not in answer.headers


def test_our_own_fault_is_a_500_with_a_request_id_and_no_word_about_the_cause(
    gateway: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("john@example.com")

    monkeypatch.setattr("ask0.gateway.ingest.endpoint.parse_event", fail)
    answer = gateway.post("/track", track(userId=7))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "john" not in answer.text
    assert answer.json()["requestId"] == caplog.records[-1].request_id  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/v1/track", "/b", "/v1/projects/x/settings", "/sourceConfig/", "/rsaMetrics"])
def test_a_preflight_is_answered_for_two_hours(gateway: Running, path: str) -> None:
    answer = gateway.client.options(
        path,
        headers={"Origin": "https://site.example", "Access-Control-Request-Headers": "authorization,x-retry-count"},
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    for name in ("authorization", "content-type", "content-encoding", "x-write-key", "x-retry-count", "anonymousid"):
        assert name in allowed
    assert {"sentat", "rsa-recovered", "rsa-retry-attempt", "rsa-retry-reason"} < {*allowed}
    assert answer.headers["access-control-max-age"] == "7200"


def test_every_answer_to_a_beacon_can_be_read_by_the_page(gateway: Running) -> None:
    answers = [
        gateway.post("/track", track()),
        gateway.post("/track", b"{"),
        gateway.post("/track", track(), key="wk_nobodys"),
        gateway.post("/track", b" " * 600_000),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 401, 413]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "Retry-After"


def test_a_list_of_origins_narrows_who_may_send(
    clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    listed = "https://site.example, https://help.example:8443/"
    with running(tmp_path_factory.mktemp("origins"), clickhouse, allowed_origins=listed) as gateway:
        for origin in ("https://site.example", "https://help.example:8443", gateway.url):
            answer = gateway.post("/track", track(), headers={"Origin": origin})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
            assert answer.headers["vary"] == "Origin"
        assert gateway.post("/track", track()).status_code == 200, "a server has no origin"
        tricks = ("null", "http://site.example", "https://site.example.evil", "https://evil-site.example")
        for origin in (*tricks, "https://SITE.example", "https://site.example:444", "*", ""):
            answer = gateway.post("/track", track(), headers={"Origin": origin})
            assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed"), origin
            assert "access-control-allow-origin" not in answer.headers
            preflight = gateway.client.options("/track", headers={"Origin": origin})
            assert "access-control-allow-origin" not in preflight.headers
        assert len(gateway.records()) == 4


def test_the_api_description_names_the_routes_that_exist(gateway: Running) -> None:
    described = gateway.client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    for path, methods in described["paths"].items():
        filled = path.replace("{writeKey}", KEY).replace("{version}", "0")
        for method in methods:
            answer = gateway.client.request(method, filled)
            assert answer.status_code != 405, path
            assert answer.status_code != 404 or answer.json()["message"] != "there is nothing at this path", path
    assert {path for path in ingest_paths() if path.startswith("/v1/") and len(path) > 6 and path[-1] != "/"} <= {
        *described["paths"]
    }
    references = [
        part.partition('"')[0] for part in str(described).replace("'", '"').split("#/components/schemas/")[1:]
    ]
    assert {*references} <= {*described["components"]["schemas"]}


def test_the_start_says_what_this_is(gateway: Running) -> None:
    assert gateway.client.get("/").json()["name"] == "ask0"
    assert app.__doc__ is not None
    assert "path of an event" in app.__doc__
