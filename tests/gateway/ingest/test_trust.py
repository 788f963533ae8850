"""A page may not say what only the site's server can know: that an email is verified, or what a project trusts."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from ask0.catalog.documents import write_document
from ask0.catalog.replica import Replica
from ask0.eventlog.open import open_control
from ask0.schemas.events import Event
from ask0.schemas.properties import Properties, Property
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.running import KEY, PROJECT, SECRET, STRICT_KEY, STRICT_SECRET, Running, running, working
from tests.gateway.tokens import sign

CLAIM = {"plan": "pro", "emailVerified": True}


def identify(traits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "identify", "userId": "trust-1", "traits": traits, **more}


def sent(gateway: Running, *events: dict[str, Any], key: str = KEY) -> list[Event]:
    assert gateway.post("/v1/batch", {"batch": list(events)}, key=key).status_code == 200
    return gateway.events()


@pytest.mark.parametrize(
    "event",
    [
        identify(CLAIM),
        {"type": "identify", "id": "trust-1", **CLAIM},
        {"type": "identify", "userId": "u", "traits": {"plan": "pro", "customAttributes": {"emailVerified": True}}},
        {"type": "identify", "userId": "trust-1", "context": {"traits": CLAIM}},
        {"type": "identify", "anonymousId": "a", "traits": CLAIM},
    ],
)
def test_what_a_page_claims_is_marked_in_every_shape(gateway: Running, event: dict[str, Any]) -> None:
    (taken,) = sent(gateway, event)
    assert taken.ignored == ("emailVerified",)
    assert msgspec.json.decode(taken.properties)["plan"] == "pro"


def test_what_does_not_set_it_is_not_marked(gateway: Running) -> None:
    events = sent(
        gateway,
        identify({"note": 'says "emailVerified" somewhere', "nested": {"emailVerified": True}}),
        {"type": "track", "event": "x", "userId": "u", "properties": {"emailVerified": True}},
    )
    assert [event.ignored for event in events] == [(), ()]


def test_the_sites_server_is_believed(gateway: Running) -> None:
    (taken,) = sent(gateway, identify(CLAIM), key=SECRET)
    assert taken.ignored == ()
    (foreign,) = sent(gateway, identify(CLAIM, writeKey=KEY), key=KEY)
    assert foreign.ignored == ("emailVerified",)


def test_in_a_project_that_verifies_a_token_or_the_secret_key_is_believed(gateway: Running) -> None:
    token = sign("trust-1")
    for key, more, ignored in ((STRICT_KEY, {"userToken": token}, ()), (STRICT_SECRET, {}, ())):
        (taken,) = sent(gateway, identify(CLAIM, **more), key=key)
        assert taken.ignored == ignored


def test_a_token_beside_a_guest_proves_nothing(gateway: Running) -> None:
    """Nobody has checked it, as it is of no user."""
    for token in ("junk", sign("somebody else")):
        guest = {"type": "identify", "anonymousId": "trust-guest", "traits": CLAIM, "userToken": token}
        (taken,) = sent(gateway, guest, key=STRICT_KEY)
        assert taken.ignored == ("emailVerified",)


def test_a_project_names_what_it_trusts_besides(gateway: Running) -> None:
    trusted = Properties(project_id=PROJECT, properties=(Property(name="plan", type="text", trusted=True),))
    asyncio.run(write_properties(gateway.log_dsn, trusted))

    def is_known() -> bool:
        (taken,) = sent(gateway, identify(CLAIM))
        return taken.ignored == ("emailVerified", "plan")

    wait_for(is_known, "the properties to come round")
    asyncio.run(write_properties(gateway.log_dsn, None))


async def write_properties(dsn: str, properties: Properties | None) -> None:
    replica = Replica(open_control(dsn))
    await replica.start()
    await write_document(
        replica,
        "properties",
        PROJECT,
        properties,
        project_id=PROJECT,
        action="properties.changed",
        actor="test",
        request="",
        id=uuid4().hex,
        expects={},
    )
    await replica.close()


def test_what_was_marked_becomes_no_trait(clickhouse: Warehouse, tmp_path: Path) -> None:
    with running(tmp_path, clickhouse) as gateway:
        gateway.post("/v1/identify", identify(CLAIM))
        with working(gateway, clickhouse):
            headers = {"authorization": f"Bearer {SECRET}"}
            path = "/v1/projects/-/users/trust-1"
            wait_for(lambda: gateway.client.get(path, headers=headers).status_code == 200, "the user to be known")
            user = gateway.client.get(path, headers=headers).json()
            assert (user["plan"], user["traits"], user["confirmedAt"]) == ("pro", {}, None)
            gateway.post("/v1/identify", identify({"emailVerified": True}), key=SECRET)
            wait_for(lambda: gateway.client.get(path, headers=headers).json()["confirmedAt"], "what the server says")
