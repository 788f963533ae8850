"""A project that requires tokens: what a page says of a user counts with the token that the site's server signed."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page

from bench.stack import Stack, wait_for
from tests.browser.visits import load, track, wait_until_arrived
from tests.browser.witness import Witness, wait_until_answered
from tests.gateway.tokens import NEXT_SECRET, sign

NULL = r"\N"  # as ClickHouse writes it
NONE = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsImV4cCI6NDA3MDkwODgwMH0."  # {"alg":"none"}, u1, until 2099
BAD = {
    "missing": (None, "token_missing"),
    "expired": (sign("expired", exp=-100), "token_expired"),
    "forged": (sign("forged", NEXT_SECRET), "token_invalid"),
    "someone else's": (sign("someone"), "token_wrong_subject"),
    "none": (NONE, "token_invalid"),
    "malformed": ("no.token.at all", "token_invalid"),
}


def identify(page: Page, id: str, token: str | None, call: str = "identify", **traits: Any) -> None:
    user = {"id": id, **traits} if call == "identify" else id
    proof = {"token": token} if token else {}
    page.evaluate(f"ask0.{call}({json.dumps(user)}, {json.dumps(proof)}); ask0.flush()")


def plan(stack: Stack, id: str) -> str:
    return stack.query(f"SELECT plan FROM ask0.users WHERE id = '{id}'")


@pytest.mark.parametrize("kind", BAD)
def test_a_user_is_changed_by_a_good_token_alone(strict: Stack, strict_site: str, page: Page, kind: str) -> None:
    id = kind.replace("'", "")
    bad, reason = BAD[kind]
    good = sign(id)
    load(page, strict_site)
    track(page, f"With {id}", 1)
    identify(page, id, bad, plan="stolen")
    page.wait_for_function("ask0.dropped === 1")
    track(page, f"With {id}", 1, start=1, then="ask0.flush()")
    kept = f"SELECT reason FROM ask0.quarantine WHERE JSONExtractString(raw, 'userId') = '{id}'"
    wait_for(lambda: strict.query(kept) == reason, "the refused event in the quarantine")
    wait_until_arrived(strict, f"With {id}", 2)
    assert plan(strict, id) in ("", NULL)
    whose = f"SELECT user_id FROM ask0.events WHERE event = 'With {id}' ORDER BY message_id"
    assert strict.query(whose).startswith("g-"), "who names a user without proof is not linked to them"

    identify(page, id, good, plan="stolen")
    wait_for(lambda: plan(strict, id) == "stolen", "the same again, with the token")
    track(page, f"With {id}", 1, start=2, then="ask0.flush()")
    wait_until_arrived(strict, f"With {id}", 3)
    assert strict.query(whose).splitlines() == [id] * 3
    assert page.evaluate("ask0.dropped") == 1
    assert strict.query(f"SELECT count() FROM ask0.quarantine WHERE raw LIKE '%{bad or good}%'") == "0"


def test_the_same_user_with_the_same_token_is_said_once(strict: Stack, strict_site: str, page: Page) -> None:
    witness = Witness(page)
    token = sign("once")
    load(page, strict_site)
    for _ in range(3):
        identify(page, "once", token, plan="pro")
    wait_until_answered(page)  # or the next page sends it again
    load(page, strict_site)
    identify(page, "once", sign("once", exp=7200), plan="pro")
    track(page, "Said once", 1, then="ask0.flush()")
    wait_until_arrived(strict, "Said once", 1)
    assert [event["type"] for event in witness.events()] == ["identify", "track"]


def test_a_guest_becomes_another_user_by_alias_with_the_token_alone(
    strict: Stack, strict_site: str, page: Page
) -> None:
    load(page, strict_site)
    track(page, "Alias", 2)
    identify(page, "alias", sign("someone"), call="alias")
    page.wait_for_function("ask0.dropped === 1")
    identify(page, "alias", sign("alias"), call="alias")
    whose = "SELECT countIf(user_id = 'alias'), count() FROM ask0.events WHERE event = 'Alias'"
    wait_for(lambda: strict.query(whose) == "2\t2", "the guest's events to be the user's")
    assert page.evaluate("ask0.dropped") == 1


def test_consent_of_a_verified_user_is_the_users(strict: Stack, strict_site: str, page: Page) -> None:
    load(page, strict_site)
    identify(page, "chose", sign("chose"), plan="pro")
    page.evaluate("ask0.consent({ marketing: 'denied' }); 0")
    consent = "SELECT consent FROM ask0.users WHERE id = 'chose'"
    wait_for(lambda: strict.query(consent) == "{'marketing':'denied'}", "the choice")
    page.evaluate("ask0.consent({ analytics: 'denied' }); 0")
    wait_for(lambda: "'analytics':'denied'" in strict.query(consent), "what was withdrawn")
    assert page.evaluate("ask0.dropped") == 0
