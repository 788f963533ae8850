"""/openapi.json is valid, and leaves out nothing that a reader or a generator of clients needs."""

import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.gateway.running import Running

API = "/v1/projects/{project}/"


@pytest.fixture(scope="module")
def description(shared: Running) -> dict[str, Any]:
    described: dict[str, Any] = shared.client.get("/openapi.json").json()
    return described


def operations(description: dict[str, Any], beginning: str = "") -> dict[str, dict[str, Any]]:
    """By method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if path.startswith(beginning)
    }


def test_it_is_openapi(description: dict[str, Any]) -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(description).iter_errors()] == []


def test_what_it_refers_to_is_there(description: dict[str, Any]) -> None:
    components = description["components"]
    for kind, name in re.findall(r"'#/components/(\w+)/([^']+)'", str(description)):
        assert name in components[kind]


def test_every_operation_has_a_name_of_its_own_a_tag_and_a_summary(description: dict[str, Any]) -> None:
    all_of_them = operations(description)
    names = [operation["operationId"] for operation in all_of_them.values()]
    assert len({*names}) == len(names)
    assert all_of_them["GET /v1/projects/{project}/users/{id}"]["operationId"] == "getUsersById"
    tags = {tag["name"] for tag in description["tags"]}
    for name, operation in all_of_them.items():
        assert operation["summary"], name
        assert {*operation["tags"]} <= tags, name


def test_every_parameter_says_what_it_is(description: dict[str, Any]) -> None:
    for name, operation in operations(description, API).items():
        for parameter in operation.get("parameters", ()):
            told = parameter.get("description") or parameter["name"] in ("limit",)
            assert told, (name, parameter["name"])
            assert {"type": "null"} not in parameter["schema"].get("anyOf", ()), (name, parameter["name"])


def test_the_api_says_what_may_go_wrong(description: dict[str, Any]) -> None:
    for name, operation in operations(description, API).items():
        answers = operation["responses"]
        assert {"401", "404", "429", "503"} <= {*answers}, name
        assert "Retry-After" in answers["503"]["headers"], name
        assert all("X-Request-Id" in answer["headers"] for answer in answers.values()), name
        assert ("400" in answers) or not operation.get("requestBody"), name


def test_writes_say_what_they_take_and_may_answer(description: dict[str, Any]) -> None:
    put = operations(description)["PUT /v1/projects/{project}/users/{id}"]
    taken = {parameter["name"] for parameter in put["parameters"] if parameter["in"] == "header"}
    assert taken == {"Idempotency-Key", "If-Match"}
    assert {"200", "201", "202", "400", "412", "422"} <= {*put["responses"]}
    assert {"ETag", "Idempotency-Replayed"} <= {*put["responses"]["200"]["headers"]}
    post = operations(description)["POST /v1/projects/{project}/users"]["responses"]
    assert post["409"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    assert "412" not in post
