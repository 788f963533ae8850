"""Groups of operations on a real server: ids with slashes in the path, errors by group, answers that break off."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Router

from ask0.catalog.cache import CatalogCache
from ask0.catalog.members import Lifetimes, Members
from ask0.catalog.replica import Replica
from ask0.eventlog.sqlite_control import SqliteControl
from ask0.gateway.addresses import Addresses
from ask0.gateway.bodies import BodyReader
from ask0.gateway.callers import Access
from ask0.gateway.connections import make_connections
from ask0.gateway.cors import Cors, PublicRoute
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import BadRequest
from ask0.gateway.groups import Group, with_whole_ids
from ask0.gateway.openapi import openapi
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.origins import Origins
from ask0.gateway.server import make_server
from ask0.gateway.sessions.cookies import Cookies
from ask0.gateway.sessions.standing import Sessions
from ask0.gateway.strangers import Strangers
from ask0.schemas import wire
from ask0.schemas.catalog import hash_secret, secret_key
from ask0.schemas.settings import Settings
from bench.stack import wait_for


async def show(asked: Asked) -> Response:
    return JSONResponse(asked.request.path_params)


async def refuse(asked: Asked) -> Response:
    raise BadRequest("no", code="no")


async def fail(asked: Asked) -> Response:
    raise RuntimeError("john@example.com")


async def break_off(asked: Asked) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"the first piece"
        raise RuntimeError("the source is gone")

    return StreamingResponse(pieces())


class Note(BaseModel):
    """What a declared operation takes."""

    model_config = ConfigDict(extra="forbid")

    text: str
    tags: list[str] = []


class Shown(BaseModel):
    limit: int = 10


async def note(asked: Asked) -> Response:
    return JSONResponse(
        {
            "caller": asked.caller[:2],
            "note": asked.body.text,
            "tags": asked.body.tags,
            "limit": asked.query.limit,
        }
    )


async def whoami(asked: Asked) -> Response:
    return JSONResponse(asked.caller[:2])


CATALOG = CatalogCache(Replica(SqliteControl(Path("/nowhere/log"))))
CATALOG.projects = {"wk_1": "proj_1"}
CATALOG.secrets = {hash_secret("sk_1"): secret_key("sk_1", "proj_1", 1)}
CATALOG.replica.fresh = True
CATALOG._missed_at = float("inf")  # what is not there is not looked for
ADDRESSES = Addresses("keep", "")
SESSIONS = Sessions(Members(CATALOG.replica), CATALOG, Cookies(Origins("", ADDRESSES)), Lifetimes(1000, 1000))
ENTRANCE = Entrance(CATALOG, BodyReader(), ADDRESSES, Strangers(), SESSIONS)
DECLARED = [
    Operation("POST", "/notes", note, "Write a note", Access.PAGE, query=Shown, body=Note, answers=wire.Error),
    Operation("GET", "/server", whoami, "For servers", Access.SERVER, "users:read"),
]

PRIVATE = Group(
    ENTRANCE,
    [
        *DECLARED,
        Operation("GET", "/users/{id}", show, "One user"),
        Operation("GET", "/users/{id}/notes/{note}", show, "One note of a user"),
        Operation("GET", "/file.{version}.js", show, "One version"),
        Operation("GET", "/refuse", refuse, ""),
        Operation("GET", "/fail", fail, ""),
        Operation("GET", "/break", break_off, ""),
    ],
)
PUBLIC = Group(
    ENTRANCE,
    [Operation("GET", "/public/refuse", refuse, ""), Operation("GET", "/public/fail", fail, "")],
    Middleware(PublicRoute, Cors("*", "")),
)


async def app(scope: Any, receive: Any, send: Any) -> None:
    await ROUTER(with_whole_ids(scope), receive, send)


ROUTER = Router([*PRIVATE.routes(), *PUBLIC.routes()])


@contextmanager
def serving() -> Iterator[str]:
    settings = Settings.from_environ({"ASK0_DATA_DIR": "/nowhere"})
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        server = make_server(app, make_connections(settings, CollectorRegistry()))
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        try:
            wait_for(lambda: server.started or not thread.is_alive(), "the server to start")
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.mark.parametrize("id", ["u1", "a/b", "/", "a%2Fb", "ü 😀", "a?b#c", "a;b,c=d", "..", "%", "a+b"])
def test_an_id_in_the_path_is_taken_as_it_is(url: str, id: str) -> None:
    path = quote(id, safe="").replace("..", "%2E%2E")
    with httpx.Client(base_url=url) as client:
        assert client.get(f"/users/{path}").json() == {"id": id}
        assert client.get(f"/users/{path}/notes/{path}").json() == {"id": id, "note": id}


def test_an_error_has_the_headers_of_its_group(url: str) -> None:
    for path, status in (("refuse", 400), ("fail", 500)):
        private, public = httpx.get(f"{url}/{path}"), httpx.get(f"{url}/public/{path}")
        assert (private.status_code, public.status_code) == (status, status)
        assert "access-control-allow-origin" not in private.headers
        assert public.headers["access-control-allow-origin"] == "*"
        assert "john" not in public.text


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(url: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{url}/break")
    assert httpx.get(f"{url}/users/1").status_code == 200


def test_parameters_are_described_wherever_they_stand_in_the_path() -> None:
    paths = openapi(PRIVATE.operations, "1")["paths"]
    named = {
        path: [one["name"] for one in each["get"].get("parameters", ())]
        for path, each in paths.items()
        if "get" in each
    }
    assert named["/users/{id}/notes/{note}"] == ["id", "note"]
    assert named["/file.{version}.js"] == ["version"]
    assert named["/refuse"] == []


def post_note(url: str, body: Any, **options: Any) -> httpx.Response:
    return httpx.post(f"{url}/notes", json=body, **options)


def test_an_operation_is_given_what_it_declares(url: str) -> None:
    answer = post_note(url, {"text": "hi", "tags": ["a"]}, auth=("wk_1", ""), params={"limit": "3"})
    expected = {"caller": ["page", "proj_1"], "note": "hi", "tags": ["a"], "limit": 3}
    assert (answer.status_code, answer.json()) == (200, expected)


@pytest.mark.parametrize(
    ("body", "params", "code", "field"),
    [
        ({"text": 7, "tags": "SECRET"}, {}, "invalid_body", "text"),
        ({"tags": []}, {}, "invalid_body", "text"),
        ({"text": "hi", "more": 1}, {}, "invalid_body", "more"),
        ({"text": "hi"}, {"limit": "SECRET"}, "invalid_query", "limit"),
    ],
)
def test_what_is_wrong_is_told_field_by_field_and_not_repeated(
    url: str, body: Any, params: dict[str, str], code: str, field: str
) -> None:
    answer = post_note(url, body, auth=("wk_1", ""), params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["details"][0]["at"] == field
    assert answer.json()["message"].startswith(f"{field}: ")
    assert "SECRET" not in answer.text


def test_a_body_that_is_no_object_is_refused(url: str) -> None:
    assert post_note(url, ["hi"], auth=("wk_1", "")).json()["code"] == "not_an_object"


def test_each_operation_has_the_callers_it_declares(url: str) -> None:
    assert post_note(url, {"text": "hi"}).status_code == 401
    assert post_note(url, {"text": "hi"}, auth=("wk_2", "")).status_code == 401
    assert post_note(url, {"text": "hi"}, auth=("sk_1", "")).status_code == 401
    assert httpx.get(f"{url}/server", auth=("sk_1", "")).json() == ["server", "proj_1"]
    for key in ("wk_1", "sk_2", ""):
        assert httpx.get(f"{url}/server", auth=(key, "")).status_code == 401
    assert "secret key" in httpx.get(f"{url}/server").json()["message"]


def test_the_description_says_who_may_call_and_what_is_taken() -> None:
    description = openapi(DECLARED, "1")
    notes, server = description["paths"]["/notes"]["post"], description["paths"]["/server"]["get"]
    assert {"basic": []} in notes["security"]
    assert server["security"] == [{"bearer": ["users:read"]}, {"basic": ["users:read"]}, {"session": ["users:read"]}]
    assert (server["x-scope"], "x-scope" in notes) == ("users:read", False)
    assert notes["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Note"}
    (limit,) = notes["parameters"]
    assert (limit["name"], limit["in"], limit["required"]) == ("limit", "query", False)
