"""What a site pastes, as the console shows it."""

from tests.gateway.running import BOT_SECRET, KEY, PROJECT, SECRET, STRICT_KEY, STRICT_PROJECT, STRICT_SECRET, Running


def test_the_snippet_has_the_gateways_address_and_the_projects_key(gateway: Running) -> None:
    for project, secret, key in ((PROJECT, SECRET, KEY), (STRICT_PROJECT, STRICT_SECRET, STRICT_KEY)):
        answer = gateway.client.get(
            f"/v1/projects/{project}/snippet", headers={"authorization": f"Bearer {secret}"}
        ).json()
        assert answer["writeKey"] == key
        assert answer["snippet"].startswith("<script>")
        assert answer["snippet"].endswith("</script>")
        assert f"{gateway.url}/ask0.js#{key}" in answer["snippet"]
        assert "__ASK0" not in answer["snippet"]


def test_a_project_without_a_key_says_what_to_do(gateway: Running) -> None:
    answer = gateway.client.get("/v1/projects/-/snippet", headers={"authorization": f"Bearer {BOT_SECRET}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_write_key")
    assert "ask0 key create" in answer.json()["message"]
