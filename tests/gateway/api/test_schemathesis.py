"""Whatever the description allows, and what it does not, is answered as the description says."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.checks import CheckContext
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from ask0.schemas.catalog import Project, secret_key
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import Running, running, save, working
from tests.schemas.filters.documents import filters_of_all_kinds
from tests.thoroughness import EXAMPLES

pytestmark = pytest.mark.apart  # it takes half a minute
API = "/v1/projects/{project}/"
PROJECT, SECRET = "proj_described", "sk_secret_of_described"  # of its own: it may erase everyone
AS_SERVER = {"authorization": f"Bearer {SECRET}"}
KNOWN = ("s-ada", "g-s-ben", "seg_active", "pro")  # as ids


@pytest.fixture(scope="module")
def served(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with (
        running(tmp_path_factory.mktemp("schemathesis"), clickhouse) as gateway,
        working(gateway, clickhouse),
    ):
        documents = Project(id=PROJECT, name="Described", created_at=1), secret_key(SECRET, PROJECT, 1)
        asyncio.run(save(gateway.log_dsn, *documents))
        wait_for(lambda: gateway.client.get("/v1/projects/-/me", headers=AS_SERVER).is_success, "the key")
        for id in KNOWN[:2]:
            made = gateway.client.put(f"/v1/projects/-/users/{id}", json={"plan": "pro"}, headers=AS_SERVER)
            assert made.status_code in (200, 201)
        yield gateway


def is_no_fault_of_ours(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    retried = response.status_code == 503 and "retry-after" in response.headers
    assert response.status_code < 500 or retried, response.text


CHECKS = [
    is_no_fault_of_ours,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.status_code_conformance,
]


def say_what_is_meant(case: Case[Any], filter: dict[str, Any]) -> None:
    """The description does not say what a filter is, so chance finds few."""
    if "filter" in case.query:
        case.query = {**case.query, "filter": json.dumps(filter)}
    if isinstance(case.body, dict) and "filter" in case.body:
        case.body = {**case.body, "filter": filter}


def hold(gateway: Running, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> None:
    """To its description, in each of the examples."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation.as_strategy(mode), id=st.sampled_from([None, *KNOWN]), filter=filters_of_all_kinds)
    def answers_well(case: Case[Any], id: str | None, filter: dict[str, Any]) -> None:
        case.path_parameters["project"] = "-"
        if id and "id" in case.path_parameters:
            case.path_parameters["id"] = id
        if id and mode is GenerationMode.POSITIVE:
            say_what_is_meant(case, filter)
        case.call_and_validate(base_url=gateway.url, headers=AS_SERVER, checks=CHECKS)

    answers_well()


@pytest.mark.parametrize("mode", GenerationMode)
def test_the_api_answers_as_it_is_described(served: Running, mode: GenerationMode, subtests: pytest.Subtests) -> None:
    description = served.client.get("/openapi.json").json()
    described = schemathesis.openapi.from_dict(description).include(path_regex=rf"^{re.escape(API)}")
    described = described.exclude(path=f"{API}live")  # which does not end
    for found in described.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        with subtests.test(operation.label):
            hold(served, operation, mode)
