"""Groups of operations on a real server: ids with slashes in the path, errors by group, answers that break off."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Router

from ask0.gateway.connections import make_connections
from ask0.gateway.cors import Cors, PublicRoute
from ask0.gateway.errors import BadRequest
from ask0.gateway.groups import Group, with_whole_ids
from ask0.gateway.operations import Operation, openapi
from ask0.gateway.server import make_server
from ask0.schemas.settings import Settings
from bench.stack import wait_for


async def show(request: Request) -> Response:
    return JSONResponse(request.path_params)


async def refuse(request: Request) -> Response:
    raise BadRequest("no", code="no")


async def fail(request: Request) -> Response:
    raise RuntimeError("john@example.com")


async def break_off(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"the first piece"
        raise RuntimeError("the source is gone")

    return StreamingResponse(pieces())


PRIVATE = Group(
    [
        Operation("GET", "/users/{id}", show, "One user"),
        Operation("GET", "/users/{id}/notes/{note}", show, "One note of a user"),
        Operation("GET", "/file.{version}.js", show, "One version"),
        Operation("GET", "/refuse", refuse, ""),
        Operation("GET", "/fail", fail, ""),
        Operation("GET", "/break", break_off, ""),
    ]
)
PUBLIC = Group(
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
