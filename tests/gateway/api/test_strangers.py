"""A stranger's key opens nothing: every call of the API for servers, as /openapi.json lists them."""

from collections.abc import Iterator
from typing import Any

from ask0.schemas.audit import KEY_USED
from tests.gateway.running import KEY, PROJECT, SECRET, STRICT_SECRET, Running

BODIES: dict[str, dict[str, Any]] = {
    "/users": {"id": "stranger"},
    "/users/batch": {"users": [{"id": "stranger"}]},
    "/users/bulk": {"ids": ["stranger"], "do": "tag", "tags": ["x"]},
    "/exports": {"ids": ["stranger"]},
    "/users/{id}/tags": {"tags": ["x"]},
    "/users/{id}/merge": {"from": "other"},
    "/users/{id}/transfer": {"project": PROJECT, "key": SECRET},
    "/sql": {"sql": "SELECT 1"},
    "/segments": {"name": "x", "filter": {"tag": "x"}},
    "/views": {"name": "Strangers"},
    "/views/{id}": {"name": "Strangers"},
    "/properties": {"properties": []},
    "/settings/privacy": {"enforceConsent": True},
    "/settings/chat": {"permission": "guest"},
    "/settings/verification": {"required": False, "readable": []},
    "/keys": {"name": "Strangers", "kind": "write"},
    "/members": {"email": "stranger@example.com", "role": "viewer"},
    "/members/{id}": {"role": "viewer"},
    "/roles/{id}": {"name": "Strangers", "scopes": []},
    "/stages": {"stages": [{"name": "Everyone", "filter": {"all": []}}]},
}


def calls(gateway: Running) -> Iterator[tuple[str, str, str, dict[str, Any] | None]]:
    """Method, path with {project}, what comes after the project, and a body that would do."""
    described = gateway.client.get("/openapi.json").json()["paths"]
    for path, methods in described.items():
        if "/projects/{project}/" not in path:
            continue
        for method, operation in methods.items():
            rest = path.partition("{project}")[2]
            body = BODIES.get(rest, {}) if "requestBody" in operation else None
            filled = path.replace("{id}", "stranger").replace("{tag}", "x").replace("{from}", "x")
            needed = [one for one in operation["parameters"] if one["in"] == "query" and one["required"]]
            given = [f"{one['name']}={one['schema'].get('enum', 'x')[0]}" for one in needed]
            asked = f"{filled}?{'&'.join(given)}" if needed else filled
            yield method.upper(), asked, rest, body


def test_every_call_refuses_whoever_is_not_of_the_project(gateway: Running) -> None:
    seen = 0
    for method, path, rest, body in calls(gateway):
        seen += 1
        for project, key, status in (
            (PROJECT, None, 401),
            (PROJECT, KEY, 401),
            (PROJECT, "sk_unknown", 401),
            (PROJECT, STRICT_SECRET, 404),
            ("proj_unheard_of", SECRET, 404),
        ):
            headers = {"if-match": "*"} | ({"authorization": f"Bearer {key}"} if key else {})
            answer = gateway.client.request(method, path.replace("{project}", project), json=body, headers=headers)
            assert answer.status_code == status, (method, rest, key, answer.text)
            assert PROJECT not in answer.text
    assert seen > 25
    assert [event.event for event in gateway.events() if event.event != KEY_USED] == []
