"""/openapi.json, made of the operations: what each takes, who may call it, and everything it may answer."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import compile_path

from ask0.gateway.callers import Access
from ask0.gateway.operations import EVERY_KEY, Operation
from ask0.gateway.sessions.cookies import NAME
from ask0.schemas import wire

KEYS: dict[Access, list[dict[str, list[str]]]] = {
    Access.ANYONE: [],
    Access.PAGE: [{"basic": []}, {"header": []}, {"query": []}, {}],
    Access.SERVER: [{"bearer": []}, {"basic": []}, {"session": []}],
    Access.MEMBER: [{"session": []}],
}

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
ERRORS = {
    400: "Cannot be read: the message says what to do, `details` where",
    401: "The key is missing, unknown or revoked, or nobody is signed in",
    403: "The key or the role has not the scope that this needs; or a page of another site asks",
    404: "It is not there, or of another project",
    408: "The body took too long to arrive",
    409: "As things are it cannot be done: it exists, or something depends on it",
    410: "It was there, and is used up or has expired",
    412: "Somebody else has changed it: `current` is how it is now",
    413: "Too large after inflating",
    422: "Read and understood, and refused: the message says why",
    428: "Send the version that you have seen as If-Match",
    429: "Too many, see Retry-After",
    503: "It cannot be done now, see Retry-After; to repeat it is harmless",
}
OF_BEACONS = {
    **ERRORS,
    400: "Not JSON, or no event is usable",
    401: "The write key is missing or unknown",
    413: "Too large after inflating, or too many events",
    429: "Over the project's quota, see Retry-After",
    503: "The log cannot take it now, see Retry-After",
}
SUCCESSES = {200: "Done", 201: "Made", 202: "Durable, and not to be seen yet", 204: "Done", 303: "Elsewhere"}
AS_IT_IS = "Percent-encoded, whatever is in it"
PARAMETERS = {
    "project": "proj_…, or `-`: the key's own",
    "writeKey": "wk_…",
    "version": "As /ask0.json names it",
    "hash": "As /ask0.json names it",
}
TAKEN = {
    "Idempotency-Key": "1 to 255 characters, unique to this call: sent again with it, the call is carried out once",
    "If-Match": "The ETag, which is also `version`, of what the change is made from; `*` is any",
}
HEADERS = {
    "X-Request-Id": "The request's own id, or one that was made; logs and ask0.audit_log have it",
    "RateLimit-Policy": "How many calls a key may make: q within w seconds",
    "RateLimit": "How many it has left: r, and all of them again after t seconds",
    "Retry-After": "Seconds",
    "ETag": "The `version`, to be sent as If-Match",
    "Idempotency-Replayed": "true if the call was carried out before, under the same Idempotency-Key",
}
TAGS = {
    "ingestion": "What happens, sent by pages, apps and servers",
    "users": "Users, and what they did, for servers",
    "properties": "What a project's traits are",
    "segments": "Users who match a filter, under a name",
    "views": "How the list of users is looked at, under a name",
    "stages": "Where users are, by rules that are tried in order",
    "conversations": "What was talked about",
    "insights": "What a whole project looks like",
    "catalog": "What a project has met",
    "live": "What comes in, as it comes in",
    "quarantine": "What could not be accepted or applied",
    "sql": "What a project's own rows answer to a SELECT",
    "access": "Who may use the assistant",
    "snippet": "What a site pastes",
    "demo-data": "People who have talked, for a project that is empty",
    "session": "Signing in, and one's own account",
    "members": "Who may sign in, and what they may do",
    "roles": "What members may do",
    "jobs": "Work that goes on after its answer",
    "import": "Users from a file",
    "site": "What pages load and ask",
    "operation": "For those who run Ask0",
}
OF_OPERATORS = ("/health/", "/metrics")
KNOWN = (Access.SERVER, Access.MEMBER)  # callers with a limit of calls


def openapi(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    shown = [operation for operation in operations if not operation.hidden]
    models: set[type[BaseModel]] = {*CALLS.values(), wire.Accepted, wire.Error}
    for operation in shown:
        models |= {model for model in (operation.body, operation.errors, *operation.successes.values()) if model}
    _, schemas = models_json_schema(
        [(model, "validation") for model in sorted(models, key=lambda model: model.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    paths: dict[str, dict[str, Any]] = {f"/v1/{call}": {"post": _beacon(call, body)} for call, body in CALLS.items()}
    for operation in shown:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    used = {tag for path in paths.values() for each in path.values() for tag in each["tags"]}
    tags = [*(tag for tag in TAGS if tag in used), *sorted(used - {*TAGS})]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ask0",
            "version": version,
            "description": "Every ingestion path also works without /v1, with a slash at the end, and, for browsers, "
            "as its first letter. Bodies are JSON under any Content-Type, plain or as gzip, deflate, br or zstd.",
        },
        "tags": [{"name": tag} | ({"description": TAGS[tag]} if tag in TAGS else {}) for tag in tags],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "headers": {name: {"description": told, "schema": {"type": "string"}} for name, told in HEADERS.items()},
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as user name; of a server, a secret key",
                },
                "bearer": {"type": "http", "scheme": "bearer", "description": "A secret key, of a server"},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": NAME,
                    "description": "Of a person who is signed in (`__Host-` before the name over TLS). What is "
                    "no GET needs X-CSRF-Token too, as GET /v1/session tells it",
                },
                "header": {"type": "apiKey", "in": "header", "name": "X-Write-Key"},
                "query": {"type": "apiKey", "in": "query", "name": "writeKey"},
            },
        },
    }


def _beacon(call: str, body: type[BaseModel]) -> dict[str, Any]:
    errors = {str(status): _answer(OF_BEACONS[status], wire.Error) for status in (400, 401, 408, 413)}
    waited = {str(status): _answer(OF_BEACONS[status], wire.Error, ["Retry-After"]) for status in (429, 503)}
    return {
        "summary": "Many calls at once" if body is wire.Batch else f"One {call} call, or a list of them",
        "operationId": call,
        "tags": ["ingestion"],
        "security": KEYS[Access.PAGE],
        "requestBody": {"required": True, "content": _json(body)},
        "responses": {"200": _answer("Durable", wire.Accepted), **errors, **waited},
    }


def _described(operation: Operation) -> dict[str, Any]:
    _, _, convertors = compile_path(operation.path)
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _name(operation),
        "tags": [_tag(operation)],
        "responses": _responses(operation),
    }
    if operation.body:
        described["requestBody"] = {"required": operation.needs_body, "content": _json(operation.body)}
    if operation.content:
        described["requestBody"] = {
            "required": True,
            "content": {name: {"schema": {"type": "string"}} for name in operation.content},
        }
    if operation.access is not Access.ANYONE and "writeKey" not in convertors:
        described["security"] = [dict.fromkeys(way, [*operation.scopes]) for way in KEYS[operation.access]]
    if operation.scope:
        described["x-scope"] = " ".join(operation.scopes) or EVERY_KEY
    parameters = [_parameter(name, "path", PARAMETERS.get(name, AS_IT_IS), required=True) for name in convertors]
    if operation.query:
        parameters += _query_parameters(operation.query)
    parameters += [_parameter(name, "header", TAKEN[name]) for name in operation.headers]
    if parameters:
        described["parameters"] = parameters
    return described


def _responses(operation: Operation) -> dict[str, Any]:
    always = ["X-Request-Id", "RateLimit-Policy", "RateLimit"] if operation.access in KNOWN else []
    found = {}
    for status, model in operation.successes.items():
        headers = [*always]
        if model and "version" in model.model_fields:
            headers += ["ETag"]
        if "Idempotency-Key" in operation.headers:
            headers += ["Idempotency-Replayed"]
        found[str(status)] = _answer(operation.summary if status == 200 else SUCCESSES[status], model, headers)
        if operation.files:
            binary = {"schema": {"type": "string", "format": "binary"}}
            found[str(status)].setdefault("content", {}).update(dict.fromkeys(operation.files, binary))
    for status in sorted(_errors(operation)):
        waits = ["Retry-After"] if status in (429, 503) else []
        found[str(status)] = _answer(ERRORS[status], operation.errors, [*always, *waits])
    return found | {"default": _answer("Error", operation.errors, always)}


def _errors(operation: Operation) -> set[int]:
    errors = {*operation.refusals}
    if operation.access is not Access.ANYONE:
        errors |= {401, 429, 503}
    if operation.access is Access.SERVER:
        errors |= {403, 404}
    if operation.access is Access.MEMBER:
        errors |= {403}
    if operation.body or operation.content:
        errors |= {400, 408, 413}
    if operation.query or operation.headers:
        errors |= {400}
    return errors


def _name(operation: Operation) -> str:
    """Of the path, which stays as it is: getUsersById, postUsersByIdTags."""
    path = operation.path.removeprefix("/v1").removeprefix("/projects/{project}")
    words = re.sub(r"\{(\w)", r" by \1", path)
    return operation.method.lower() + "".join(word[0].upper() + word[1:] for word in re.findall(r"\w+", words))


def _tag(operation: Operation) -> str:
    """Of the API, what stands after the project."""
    if operation.access is Access.SERVER:
        return operation.path.removeprefix("/v1/projects/{project}/").partition("/")[0]
    if operation.path.startswith("/v1/session"):
        return "session"
    return "operation" if operation.path.startswith(OF_OPERATORS) else "site"


def _parameter(name: str, place: str, told: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "description": told, "schema": {"type": "string"}}


def _query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    parameters = []
    for name, field in schema["properties"].items():
        shown = _without_null(field)
        told = {"description": shown.pop("description")} if "description" in shown else {}
        parameters.append({"name": name, "in": "query", "required": name in required, **told, "schema": shown})
    return parameters


def _without_null(field: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter that is not there is left out: no text stands for null."""
    kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == len(field.get("anyOf", ())):
        return dict(field)
    rest = {name: value for name, value in field.items() if name not in ("anyOf", "default")}
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _answer(description: str, model: type[BaseModel] | None, headers: Iterable[str] = ()) -> dict[str, Any]:
    named = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    answer: dict[str, Any] = {"description": description}
    if named:
        answer["headers"] = named
    if model:
        answer["content"] = _json(model)
    return answer


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
