"""What an event without proof says adds nothing to the user it names, and is held to its guest's bounds."""

from typing import Any

from msgspec.structs import replace

from ask0.consumers.tables import bounds
from ask0.schemas.events import Event
from ask0.schemas.reasons import LeftOut
from ask0.warehouse.connect import Warehouse
from tests.consumers.beacons import chunk, event, record, store


def unproven(**wire: Any) -> Event:
    """As the gateway marks it in a project that asks for proof."""
    return replace(event(**wire), unverified=True)


def test_a_foreign_device_adds_neither_guests_nor_activity_to_a_verified_user(warehouse: Warehouse) -> None:
    store(warehouse, chunk(record(event(userId="u", anonymousId="own", type="identify", traits={"plan": "pro"}))))
    before = warehouse.query("SELECT * FROM users WHERE id = 'u'")
    talk = {"conversationId": "c", "text": "How?"}
    foreign = [
        unproven(userId="u", anonymousId=f"foreign-{n}", event="Question Asked", properties=talk) for n in range(20)
    ]
    store(warehouse, chunk(record(*foreign, unproven(userId="u", event="Clicked")), lo=1))
    assert warehouse.query("SELECT * FROM users WHERE id = 'u'") == before
    assert warehouse.query("SELECT count() FROM users WHERE questions = 1 AND id LIKE 'g-foreign-%'") == [(20,)]
    assert warehouse.query("SELECT count() FROM events WHERE user_id = 'u' AND sent_user_id = 'u'") == [(1,)]
    assert warehouse.query("SELECT count() FROM events WHERE sent_user_id = 'u'") == [(22,)]
    assert warehouse.query("SELECT user_id FROM conversations") != [("u",)]


def test_a_browser_that_has_shown_a_token_goes_on_as_its_user(warehouse: Warehouse) -> None:
    store(warehouse, chunk(record(event(userId="u", anonymousId="own", type="identify"))))
    store(warehouse, chunk(record(unproven(userId="u", anonymousId="own", event="Clicked")), lo=1))
    assert warehouse.query("SELECT user_id, event FROM events WHERE event = 'Clicked'") == [("u", "Clicked")]


def test_what_is_not_proven_has_the_bounds_of_a_guest(embedded: Warehouse) -> None:
    def ask(n: int) -> Event:
        return unproven(
            userId="u", anonymousId="a", messageId=f"{n}", event="Question Asked", properties={"conversationId": "c"}
        )

    store(embedded, chunk(record(*(ask(n) for n in range(bounds.MAX_GUEST_ACTIVITY)))))
    applied = store(embedded, chunk(record(ask(-1)), lo=1))
    assert applied.left_out[LeftOut.TOO_MUCH_ACTIVITY]
    assert embedded.query("SELECT id, questions FROM users") == [("g-a", bounds.MAX_GUEST_ACTIVITY)]
