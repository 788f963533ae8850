"""Consent from the beacon to the analyst's row, through one whole process."""

from pathlib import Path

from bench.stack import Stack, wait_for

CONSENT = "SELECT consent, gpc FROM ask0.users WHERE id = '{id}' FORMAT TabSeparated"


def test_what_people_chose_is_in_the_users_table(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:

        def becomes(id: str, row: str) -> None:
            wait_for(lambda: stack.query(CONSENT.format(id=id)) == row, f"{id} to be {row}")

        choice = {"analytics": "granted", "marketing": "pending"}
        guest = {"anonymousId": "g-a", "context": {"consent": choice}}
        assert stack.post("/v1/page", {"name": "Home", **guest})[0] == 200
        becomes("g-a", "{'analytics':'granted','marketing':'pending'}\tfalse")
        segment = {"consent": {"categoryPreferences": {"Marketing": False, "Chat": True}}}
        assert stack.post("/v1/identify", {"userId": "u", "anonymousId": "g-a", "context": segment})[0] == 200
        becomes("u", "{'analytics':'granted','chat':'granted','marketing':'denied'}\tfalse")
        assert stack.post("/v1/track", {"event": "x", "userId": "v"}, **{"Sec-GPC": "1"})[0] == 200
        becomes("v", "{'personalization':'denied','marketing':'denied'}\ttrue")
        malformed = {"event": "x", "userId": "w", "context": {"consent": {"marketing": 7, "categoryPreferences": "x"}}}
        assert stack.post("/v1/track", malformed, **{"Sec-GPC": "0"})[0] == 200
        becomes("w", "{}\tfalse")


def test_in_a_new_project_what_people_deny_is_in_force(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        denied = {"consent": {"analytics": "denied", "storeConversations": "denied"}}
        assert stack.post("/v1/identify", {"userId": "u", "context": denied})[0] == 200
        for id in ("u", "v"):
            assert stack.post("/v1/track", {"userId": id, "event": "Clicked"})[0] == 200
        wait_for(lambda: stack.query("SELECT count() FROM ask0.events WHERE user_id = 'v'") == "1", "the last event")
        assert stack.query("SELECT user_id, type FROM ask0.events ORDER BY user_id") == "u\tidentify\nv\ttrack"
        wait_for(lambda: stack.metric("ask0_worker_events_denied_total") == 1, "it to be counted")
