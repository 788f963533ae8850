"""Who had denied analytics before there was a table of it is known after the upgrade."""

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.migrate import FOLDER, split
from tests.consumers.beacons import chunk, event, record
from tests.consumers.tables.test_consent_in_force import denies, grants, judged


def test_who_has_denied_it_until_now_is_dropped_from_then_on(warehouse: Warehouse) -> None:
    before = [
        event(**denies(userId="u")),
        event(**denies(anonymousId="a")),
        event(userId="v", anonymousId="a", type="identify"),
        event(**denies(anonymousId="lonely")),
        event(**grants(userId="w")),
    ]
    judged(warehouse, chunk(record(*before)))
    warehouse.command("TRUNCATE TABLE consent_standing")
    for _ in range(2):  # a migration may be run again
        for statement in split((FOLDER / "0120_retention.sql").read_text()):
            warehouse.command(statement)
    rows = "SELECT id, category, state FROM consent_standing FINAL ORDER BY id"
    assert warehouse.query(rows) == [(id, "analytics", 3) for id in ("g-lonely", "u", "v")]
    after = [event(event="x", messageId=id, userId=id) for id in ("u", "v", "w")]
    after += [event(event="x", anonymousId=id) for id in ("a", "lonely")]
    assert judged(warehouse, chunk(record(*after), lo=1)).denied == 4
    assert warehouse.query("SELECT message_id FROM events WHERE event = 'x'") == [("w",)]
