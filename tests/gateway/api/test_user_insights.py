"""What is read from what a user did: their way, their habits, their traits over time, and who said what of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ask0.gateway import arrivals
from ask0.schemas.activity import Journey, Patterns, TraitHistory, UserAudit
from ask0.schemas.listing import write_cursor
from ask0.warehouse.connect import Warehouse
from bench.stack import wait_for
from tests.gateway.api.rows import DAY, HOUR, MINUTE, NOON, act, digest_in, get, of_user, store, talk, user, walk
from tests.gateway.running import KEY, SECRET, STRICT_PROJECT, STRICT_SECRET, Running, running, working


@pytest.fixture(scope="module")
def gateway(clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """With a worker."""
    with running(tmp_path_factory.mktemp("insights"), clickhouse) as gateway:
        gateway.post("/v1/track", {"userId": "act-nobody", "event": "First"})  # there is a log now
        with working(gateway, clickhouse):
            yield gateway


@pytest.fixture(autouse=True)
def patiently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals.Arrivals.wait, "__defaults__", (60.0,))


def write(gateway: Running, id: str, **body: Any) -> None:
    answer = gateway.client.put(f"/v1/projects/-/users/{id}", json=body, headers={"authorization": f"Bearer {SECRET}"})
    assert answer.status_code in (200, 201), answer.text


def values(gateway: Running, id: str, trait: str, **query: Any) -> list[Any]:
    return [entry["value"] for entry in walk(gateway, f"/users/{id}/history", "values", trait=trait, **query)]


def test_a_journey_is_told_in_steps(gateway: Running, clickhouse: Warehouse) -> None:
    user(clickhouse, "act-jo", created_at=NOON + 3 * HOUR, confirmed_at=NOON + 4 * HOUR)
    guest = {"sent_user_id": "", "anonymous_id": "act-jo-guest"}
    rows = [
        act("Home", NOON, "act-jo", type="page", context={"page": {"url": "https://a.example/"}}, **guest),
        act("Question Asked", NOON + HOUR, "act-jo", properties={"text": "How?"}, conversation_id="act-jo-1", **guest),
        act("Question Asked", NOON + 2 * HOUR, "act-jo", properties={"text": "And?"}, conversation_id="act-jo-1"),
        act("Implemented", NOON + 5 * HOUR, "act-jo"),
        act("Implemented", NOON + DAY, "act-jo"),
        act("Segment Entered", NOON + DAY, "act-jo"),
        act("Clicked", NOON + 8 * DAY, "act-jo"),  # the third day, not within a week
        act("Clicked", NOON + 9 * DAY, "act-jo"),
        act("Clicked", NOON + 10 * DAY, "act-jo"),
    ]
    store(clickhouse, "events", rows)
    talks = [
        talk("act-jo-1", "act-jo", started_at=NOON + HOUR, topic="Start", title="How?"),
        talk("act-jo-2", "act-jo", started_at=NOON + 6 * HOUR, topic="API"),
    ]
    store(clickhouse, "conversation_rows", talks)
    answer = of_user(gateway, "act-jo", "journey").json()
    journey = Journey.model_validate(answer)
    assert [step.step for step in journey.steps] == [
        *("firstVisit", "conversation", "firstQuestion", "identified", "signedUp", "confirmed"),
        *("milestone", "conversation", "milestone", "regularUse"),
    ]
    steps = {step.step: step for step in reversed(journey.steps)}
    assert (steps["firstVisit"].page, steps["firstVisit"].event) == ("https://a.example/", "Home")
    assert (steps["firstQuestion"].text, steps["firstQuestion"].conversation_id) == ("How?", "act-jo-1")
    assert steps["identified"].at == "2025-10-09T14:00:00.000Z"
    assert (steps["milestone"].event, steps["milestone"].count) == ("Implemented", 2)
    assert steps["milestone"].message_id == rows[3]["message_id"]
    assert (steps["conversation"].topic, steps["conversation"].text) == ("Start", "How?")
    assert steps["regularUse"].at == "2025-10-19T12:00:00.000Z"
    assert journey.complete


def test_a_journey_says_when_it_is_not_all(gateway: Running, clickhouse: Warehouse) -> None:
    user(clickhouse, "act-kim")
    store(clickhouse, "events", [act(f"Step {number}", NOON + number, "act-kim") for number in range(101)])
    answer = of_user(gateway, "act-kim", "journey").json()
    assert answer["complete"] is False
    assert sum(step["step"] == "milestone" for step in answer["steps"]) == 100
    user(clickhouse, "act-made")
    assert of_user(gateway, "act-made", "journey").json() == {"steps": [], "complete": True}


def test_habits_are_those_of_the_days_and_the_zone(gateway: Running, clickhouse: Warehouse) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=number) for number in range(60)]
    weekdays = [day for day in days[1:25] if day.weekday() < 5]
    user(clickhouse, "act-lea")
    rows = []
    for day in weekdays:
        at = int(day.timestamp() * 1000) + 14 * HOUR
        rows += [
            act("Question Asked", at, "act-lea", conversation_id=f"act-lea-{day:%d%m}"),
            act("Answer Given", at + MINUTE, "act-lea", properties={"answered": day != weekdays[0]}),
            act("Feedback Given", at + 2 * MINUTE, "act-lea", properties={"rating": 1}),
            act("Opened", at + 3 * HOUR, "act-lea", type="page"),  # another session
        ]
    before = int(days[45].timestamp() * 1000) + 3 * HOUR
    rows += [
        act("Question Asked", before, "act-lea", conversation_id="act-lea-old"),
        act("Question Asked", before + 1, "act-lea", conversation_id="act-lea-old"),
        act("Feedback Given", before + 2, "act-lea", sent_properties='{"thumbs":"down"}'),
    ]
    store(clickhouse, "events", rows)
    at = int(days[2].timestamp() * 1000)
    topics = ["API", "API", "Billing", None]
    talks = [
        talk(f"act-lea-{number}", "act-lea", topic=topic, started_at=at, last_at=at)
        for number, topic in enumerate(topics)
    ]
    store(clickhouse, "conversation_rows", talks)

    answer = of_user(gateway, "act-lea", "patterns", days=60).json()
    found = Patterns.model_validate(answer)
    count = len(weekdays)
    assert answer["mostActive"] == {"days": "weekdays", "part": "afternoon", "share": 2 * count / (2 * count + 1)}
    assert (found.hours[14], found.hours[17], found.hours[3]) == (count, count, 1)
    assert sum(found.weekdays) == 2 * count + 1
    assert answer["topics"] == [{"topic": "API", "conversations": 2}, {"topic": "Billing", "conversations": 1}]
    assert (found.questions, found.answers, found.answered) == (count + 2, count, count - 1)
    assert (found.satisfaction.ratings, found.satisfaction.positive) == (count + 1, count / (count + 1))
    assert (found.sessions.count, found.sessions.talks) == (2 * count + 1, count + 1)
    assert found.sessions.mean_seconds == pytest.approx((120 * count + 0.002) / (2 * count + 1))
    assert found.sessions.mean_messages == 2
    assert [found.trends.activity.direction, found.trends.satisfaction.direction] == ["increasing"] * 2
    assert answer["trends"]["complexity"] == {"direction": "decreasing", "before": 2, "now": 1}
    there = of_user(gateway, "act-lea", "patterns", days=60, tz="Asia/Kathmandu").json()
    assert there["hours"][19] == count  # 14:00 is 19:45 in Nepal


def test_who_does_nothing_has_no_habits(gateway: Running, clickhouse: Warehouse) -> None:
    user(clickhouse, "act-mia")
    answer = of_user(gateway, "act-mia", "patterns", days=3).json()
    Patterns.model_validate(answer)
    nothing = {"direction": None, "before": None, "now": None}
    assert answer["trends"] == dict.fromkeys(("activity", "satisfaction", "complexity"), nothing)
    assert answer["sessions"] == {"count": 0, "meanSeconds": None, "talks": 0, "meanMessages": None}
    assert (answer["mostActive"], sum(answer["hours"]), answer["topics"]) == (None, 0, [])


def test_the_history_of_a_trait_is_each_of_its_values(gateway: Running) -> None:
    def identify(plan: Any, at: int, **more: Any) -> None:
        traits = {"plan": plan, "limits": {"seats": at - NOON, "a.b": 1}, "kinds": [1, "two"]}
        call = {"traits": traits, "timestamp": at, "messageId": f"act-noa-{at - NOON}"}
        gateway.post("/v1/identify", call | more)

    identify("free", NOON, anonymousId="act-noa-guest")
    identify("free", NOON + 1, anonymousId="act-noa-guest", userId="act-noa")
    identify("pro", NOON + 2, userId="act-noa")
    identify("pro", NOON + 3, userId="act-noa")
    wait_for(lambda: len(list(walk_audit(gateway, "act-noa"))) == 4, "the events to be the user's")
    write(gateway, "act-noa", plan="team")
    write(gateway, "act-noa", plan=None)
    write(gateway, "act-noa", role="admin")
    answer = of_user(gateway, "act-noa", "history", trait="plan").json()
    history = TraitHistory.model_validate(answer)
    assert [entry.value for entry in history.values] == [None, "team", "pro", "free"]
    assert [entry.source for entry in history.values] == ["change", "change", "event", "event"]
    assert [entry.id for entry in history.values[2:]] == ["act-noa-2", "act-noa-0"]
    assert history.values[3].at == "2025-10-09T12:00:00.000Z"
    assert (history.values[0].actor or "").startswith("key:")
    assert (history.values[0].action, history.values[3].actor) == ("user.put", None)
    assert values(gateway, "act-noa", "plan", limit=1) == [None, "team", "pro", "free"]
    assert values(gateway, "act-noa", "traits.limits.seats") == [3, 2, 1, 0]
    assert values(gateway, "act-noa", r"limits.a\.b") == [1]
    assert values(gateway, "act-noa", "kinds") == [[1, "two"]]
    assert values(gateway, "act-noa", "limits")[0] == {"seats": 3, "a.b": 1}
    assert values(gateway, "act-noa", "nothing") == []
    assert values(gateway, "act-noa", "'; DROP` \\\\") == []


def walk_audit(gateway: Running, id: str, **query: Any) -> Iterator[dict[str, Any]]:
    if of_user(gateway, id, "audit").status_code == 200:
        yield from walk(gateway, f"/users/{id}/audit", "audit", **query)


def test_what_was_said_of_a_guest_stays_with_the_user(gateway: Running) -> None:
    gateway.post("/v1/page", {"anonymousId": "g-act-oda", "name": "Home"})
    wait_for(lambda: of_user(gateway, "g-act-oda", "journey").status_code == 200, "the guest")
    write(gateway, "g-act-oda", traits={"seats": 4}, tags=["vip"], consent={"marketing": "denied"})
    gateway.post("/v1/identify", {"anonymousId": "g-act-oda", "userId": "act-oda", "traits": {"seats": 5}})
    wait_for(lambda: len(list(walk_audit(gateway, "act-oda"))) == 2, "the guest to become the user")
    answer = of_user(gateway, "g-act-oda", "audit").json()
    UserAudit.model_validate(answer)
    said, changed = answer["audit"]
    assert (said["action"], said["source"], said["traits"], said["actor"]) == ("identify", "event", {"seats": 5}, None)
    assert (changed["action"], changed["source"], changed["traits"]) == ("user.put", "change", {"seats": 4})
    assert (changed["tags"], changed["consent"]) == ({"vip": True}, {"marketing": "denied"})
    assert changed["actor"].startswith("key:")
    assert changed["requestId"]
    assert values(gateway, "act-oda", "seats") == [5, 4]
    assert [entry["id"] for entry in walk_audit(gateway, "act-oda", limit=1)] == [said["id"], changed["id"]]


def test_what_a_page_claimed_and_may_not_set_never_held_and_the_audit_says_so(gateway: Running) -> None:
    def identify(at: int, key: str = KEY, **traits: Any) -> None:
        gateway.post("/v1/identify", {"traits": traits, "timestamp": at, "userId": "act-ray"}, key=key)

    identify(NOON, emailVerified=True, plan="free")
    identify(NOON + 1, key=SECRET, emailVerified=False)
    identify(NOON + 2, emailVerified=True, plan="pro")
    wait_for(lambda: len(list(walk_audit(gateway, "act-ray"))) == 3, "the events")
    assert values(gateway, "act-ray", "emailVerified") == [False]
    assert values(gateway, "act-ray", "plan") == ["pro", "free"]
    ignored = [entry["ignored"] for entry in walk_audit(gateway, "act-ray")]
    assert ignored == [["emailVerified"], [], ["emailVerified"]]
    write(gateway, "act-ray", traits={"emailVerified": True})
    assert values(gateway, "act-ray", "emailVerified") == [True, False]
    assert next(walk_audit(gateway, "act-ray"))["ignored"] == []


@pytest.mark.parametrize(
    ("what", "query"), [("journey", {}), ("patterns", {}), ("history", {"trait": "plan"}), ("audit", {})]
)
def test_a_user_of_another_project_is_not_there(gateway: Running, what: str, query: dict[str, str]) -> None:
    for answer in (
        of_user(gateway, "no/such 🦊%2F", what, **query),
        get(gateway, f"/users/act-jo/{what}", secret=STRICT_SECRET, project=STRICT_PROJECT, **query),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_user")


@pytest.mark.parametrize(
    ("what", "query", "at"),
    [
        ("patterns", {"days": "1"}, "days"),
        ("patterns", {"days": "1e9"}, "days"),
        ("patterns", {"tz": "Mars/Base"}, "tz"),
        ("patterns", {"sort": "x"}, "sort"),
        ("history", {}, "trait"),
        ("history", {"trait": ""}, "trait"),
        ("history", {"trait": "a..b"}, "trait"),
        ("history", {"trait": "lastActiveAt"}, "trait"),
        ("history", {"trait": "x" * 513}, "trait"),
        ("audit", {"limit": "201"}, "limit"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_place(
    gateway: Running, clickhouse: Warehouse, what: str, query: dict[str, str], at: str
) -> None:
    answer = of_user(gateway, "act-jo", what, **query)
    assert (answer.status_code, answer.json()["details"][0]["at"]) == (400, at)


@pytest.mark.parametrize(
    "name", ["^`a`", "@a", ":`x`", "%2E", "a`b", "🦊", "\0", "x" * 512, "traits.traits.a", "n" + ".a" * 31]
)
def test_any_trait_can_be_asked_for(gateway: Running, clickhouse: Warehouse, name: str) -> None:
    user(clickhouse, "act-pia")
    store(clickhouse, "events", [act("", NOON, "act-pia", type="identify", properties={"plan": "pro"})])
    answer = of_user(gateway, "act-pia", "history", trait=name)
    assert (answer.status_code, answer.json()) == (200, {"trait": name, "values": [], "next": None})


def test_a_cursor_belongs_to_its_trait(gateway: Running, clickhouse: Warehouse) -> None:
    user(clickhouse, "act-quy")
    rows = [act("", NOON + n, "act-quy", type="identify", properties={"plan": f"p{n}"}) for n in range(3)]
    store(clickhouse, "events", rows)
    for path, query in (("/users/act-quy/history", {"trait": "plan"}), ("/users/act-quy/audit", {})):
        cursor = get(gateway, path, limit=1, **query).json()["next"]
        for other in (cursor[:-2], write_cursor(digest_in(cursor), ["x", "y"])):
            answer = get(gateway, path, cursor=other, **query)
            assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor")
    cursor = get(gateway, "/users/act-quy/history", trait="plan", limit=1).json()["next"]
    answer = get(gateway, "/users/act-quy/history", trait="role", cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_cursor")
