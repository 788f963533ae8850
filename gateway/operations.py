"""An operation is a route and its description: the groups of them make both the routes and /openapi.json."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from ask0.schemas import wire

Endpoint = Callable[[Request], Awaitable[Response]]

CALLS: dict[str, type[BaseModel]] = {
    "identify": wire.Identify,
    "track": wire.Track,
    "page": wire.Page,
    "screen": wire.Page,
    "group": wire.Group,
    "alias": wire.Alias,
    "batch": wire.Batch,
    "import": wire.Batch,
}
BEACON_ERRORS = {
    400: "Not JSON, or no event is usable",
    401: "The write key is missing or unknown",
    413: "Too large after inflating, or too many events",
    429: "Over the project's quota; see Retry-After",
    503: "The log cannot take it now; see Retry-After",
}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    endpoint: Endpoint
    summary: str
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    hidden: bool = False  # another spelling of a path that is described already


def openapi(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    shown = [operation for operation in operations if not operation.hidden]
    models: set[type[BaseModel]] = {*CALLS.values(), wire.Accepted, wire.Error}
    models |= {model for operation in shown for model in (operation.body, operation.answer) if model}
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {f"/v1/{call}": {"post": _beacon(call, body)} for call, body in CALLS.items()}
    for operation in shown:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ask0",
            "version": version,
            "description": "Every ingestion path also works without /v1, with a slash at the end, and, for browsers, "
            "as its first letter. Bodies are JSON under any Content-Type, plain or as gzip, deflate, br or zstd.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as user name; of a server, a secret key",
                },
                "header": {"type": "apiKey", "in": "header", "name": "X-Write-Key"},
                "query": {"type": "apiKey", "in": "query", "name": "writeKey"},
            },
        },
    }


def _beacon(call: str, body: type[BaseModel]) -> dict[str, Any]:
    errors = {str(status): _answer(why, wire.Error) for status, why in BEACON_ERRORS.items()}
    return {
        "summary": "Many calls at once" if body is wire.Batch else f"One {call} call, or a list of them",
        "operationId": call,
        "security": [{"basic": []}, {"header": []}, {"query": []}, {}],
        "requestBody": {"required": True, "content": _json(body)},
        "responses": {"200": _answer("Durable", wire.Accepted), **errors},
    }


def _described(operation: Operation) -> dict[str, Any]:
    _, _, convertors = compile_path(operation.path)
    described: dict[str, Any] = {
        "summary": operation.summary,
        "responses": {
            "200": _answer(operation.summary, operation.answer),
            "default": _answer("Error", wire.Error),
        },
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": _json(operation.body)}
    if convertors:
        described["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in convertors
        ]
    return described


def _answer(description: str, model: type[BaseModel] | None) -> Mapping[str, Any]:
    return {"description": description, "content": _json(model)} if model else {"description": description}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
