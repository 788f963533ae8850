"""/docs: the description of the API as a page to read, without a script and with nothing from elsewhere."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any

from starlette.responses import Response

from ask0.gateway.operations import Asked
from ask0.gateway.site.static import SHORT_CACHE

Json = Mapping[str, Any]

STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code { font: 0.9em ui-monospace, monospace }
h2 { margin-top: 3rem; text-transform: capitalize }
h4 { margin: 1rem 0 0.25rem }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0.5rem 0; padding: 0.5rem 0.75rem }
summary { cursor: pointer }
summary b { display: inline-block; min-width: 4.5rem }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid var(--line); padding: 0.25rem 0.75rem 0.25rem 0; vertical-align: top }
nav ul { columns: 2; padding-left: 1rem }
small { opacity: 0.7 }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {} of them",
    "default": "by itself {}",
}


class Reference:
    def __init__(self, description: Json) -> None:
        self._page = "".join(_page(description)).encode()

    async def page(self, asked: Asked) -> Response:
        headers = {"content-security-policy": POLICY, "cache-control": SHORT_CACHE, "x-content-type-options": "nosniff"}
        return Response(self._page, media_type="text/html", headers=headers)


def _page(description: Json) -> Iterator[str]:
    info, tags = description["info"], description["tags"]
    title = f"{_text(info['title'])} API"
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
    yield f"<body><h1>{title} <small>{_text(info['version'])}</small></h1>"
    yield f'<p>{_text(info["description"])}</p><p>For programs: <a href="/openapi.json">openapi.json</a></p><nav><ul>'
    for tag in tags:
        yield f'<li><a href="#tag-{_text(tag["name"])}">{_text(tag["name"])}</a>'
    yield '<li><a href="#schemas">schemas</a></ul></nav>'
    for tag in tags:
        yield f'<h2 id="tag-{_text(tag["name"])}">{_text(tag["name"])}</h2><p>{_text(tag.get("description", ""))}</p>'
        for path, methods in description["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(method, path, operation)
    yield '<h2 id="schemas">Schemas</h2>'
    for name, schema in description["components"]["schemas"].items():
        yield f'<h3 id="schema-{_text(name)}">{_text(name)}</h3><p>{_prose(schema.get("description", ""))}</p>'
        yield from _fields(schema)
    yield "</body></html>"


def _operation(method: str, path: str, operation: Json) -> Iterator[str]:
    yield f'<details id="{_text(operation["operationId"])}"><summary><b>{_text(method.upper())}</b> '
    yield f"<code>{_text(path)}</code> {_text(operation['summary'])}</summary>"
    if keys := [name for key in operation.get("security", ()) for name in key]:
        yield f"<p>Key: {_text(', '.join(keys))}</p>"
    if parameters := operation.get("parameters"):
        yield "<h4>Parameters</h4>"
        yield _table(
            (
                _code(one["name"]),
                _kind(one["schema"]),
                f"{_text(one['in'])}{', required' if one['required'] else ''}",
                _told(one, one["schema"]),
            )
            for one in parameters
        )
    if body := operation.get("requestBody"):
        yield f"<h4>Body</h4><p>{_content(body)}{'' if body['required'] else ', may be left out'}</p>"
    yield "<h4>Answers</h4>"
    yield _table(
        (_code(status), _content(answer), _prose(answer["description"]))
        for status, answer in operation["responses"].items()
    )
    yield "</details>"


def _fields(schema: Json) -> Iterator[str]:
    needed = schema.get("required", ())
    if not schema.get("properties"):
        yield f"<p>{_kind(schema)}</p>"
        return
    yield _table(
        (_code(name), _kind(field), "required" if name in needed else "", _told(field, field))
        for name, field in schema["properties"].items()
    )


def _content(part: Json) -> str:
    return ", ".join(_kind(media["schema"]) for media in part.get("content", {}).values())


def _kind(schema: Json) -> str:
    """What a value is, in words."""
    if ref := schema.get("$ref"):
        name = _text(ref.rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_kind(option) for option in options)
    if "const" in schema:
        return _code(schema["const"])
    if "enum" in schema:
        return " or ".join(_code(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping):
        return f"object of {_kind(more)}"
    return _text(schema.get("type", "any JSON"))


def _told(described: Json, schema: Json) -> str:
    bounds = [told.format(schema[name]) for name, told in BOUNDS.items() if schema.get(name) not in (None, "", [], {})]
    return "; ".join(map(_prose, filter(None, (described.get("description"), *bounds))))


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    return f"<table>{''.join(f'<tr>{_cells(row)}' for row in rows)}</table>"


def _cells(row: tuple[str, ...]) -> str:
    return "".join(f"<td>{cell}" for cell in row)


def _code(value: object) -> str:
    return f"<code>{_text(value)}</code>"


def _prose(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", _text(text))


def _text(value: object) -> str:
    return escape(str(value))
