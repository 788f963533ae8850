"""/docs shows all of /openapi.json, with no script and nothing from elsewhere."""

import re
from base64 import b64encode
from hashlib import sha256
from html import unescape

from ask0.gateway.site.reference import Reference, _page
from tests.gateway.running import Running

DESCRIPTION = {
    "info": {"title": "<b>", "version": "1", "description": "a & b"},
    "tags": [{"name": "x"}],
    "paths": {},
    "components": {"schemas": {"Odd": {"properties": {"<i>": {"enum": ['"', 1], "description": "<script>"}}}}},
}


def test_every_operation_and_every_schema_is_on_it(gateway: Running) -> None:
    description, page = gateway.client.get("/openapi.json").json(), gateway.client.get("/docs").text
    for path, methods in description["paths"].items():
        for operation in methods.values():
            shown = page.partition(f'<details id="{operation["operationId"]}">')[2].partition("</details>")[0]
            assert f"<code>{path}</code>" in shown
            assert all(f"<code>{one['name']}</code>" in shown for one in operation.get("parameters", ()))
            assert all(f"<code>{status}</code>" in shown for status in operation["responses"])
    assert [*description["components"]["schemas"]] == re.findall(r'<h3 id="schema-(\w+)">', page)


def test_its_links_lead_somewhere(gateway: Running) -> None:
    page = gateway.client.get("/docs").text
    ids = {*re.findall(r' id="([^"]+)"', page)}
    links = {*re.findall(r' href="([^"]+)"', page)}
    assert {link.removeprefix("#") for link in links if link.startswith("#")} <= ids
    assert {link for link in links if not link.startswith("#")} == {"/openapi.json"}


def test_it_runs_no_script_and_loads_nothing(gateway: Running) -> None:
    answer = gateway.client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert not re.search(r"<script| style=| on\w+=| src=|https?:", answer.text)


def test_what_stands_in_the_description_is_text() -> None:
    page = "".join(_page(DESCRIPTION))
    assert "<script>" not in page
    assert "<i>" not in page
    assert "<code>&quot;</code> or <code>1</code>" in page
    assert unescape(re.findall("<h1>(.*?) API", page)[0]) == "<b>"
    assert Reference(DESCRIPTION)
