"""Only an event whose user is proven, where the project asks for proof, says which user a guest is."""

from msgspec.structs import replace

from ask0.consumers.folds import identities
from ask0.consumers.folds.events import event_columns
from ask0.consumers.folds.records import Placed, read
from tests.consumers.beacons import chunk, event, fit_all, record


def placed(*, unverified: bool) -> list[Placed]:
    said = [event(userId="u", anonymousId="a", type="page"), event(userId="u", previousId="old", type="alias")]
    return read([chunk(record(*(replace(one, unverified=unverified) for one in said)))]).events


def test_an_unverified_event_links_nobody_and_counts_for_its_guest() -> None:
    events = placed(unverified=True)
    assert identities.fold(events) == {}
    rows = event_columns(identities.vouch(events, {}), {}, fit_all)
    assert (rows["user_id"], rows["sent_user_id"]) == (["g-a", ""], ["u", "u"])


def test_an_unverified_event_counts_for_a_user_whom_its_browser_has_proven_before() -> None:
    link = {("p", "g-a"): (0, "u", "a")}
    assert [placed.user_id for placed in identities.vouch(placed(unverified=True), link)] == ["u", ""]
    other = {("p", "g-a"): (0, "somebody else", "a")}
    assert [placed.user_id for placed in identities.vouch(placed(unverified=True), other)] == ["", ""]


def test_the_same_events_link_once_they_are_proven() -> None:
    events = placed(unverified=False)
    assert {guest for _, guest in identities.fold(events)} == {"g-a", "g-old"}
    assert {guest for _, guest in identities.fold([*placed(unverified=True), *events])} == {"g-a", "g-old"}
