"""What Segment's and RudderStack's browser SDKs ask for at load."""

import base64

import pytest

from ask0.warehouse.connect import Warehouse
from tests.gateway.running import KEY, PROJECT, Running, running


def test_analytics_next_is_sent_to_this_gateway(gateway: Running) -> None:
    answer = gateway.client.get(f"/v1/projects/{KEY}/settings", headers={"Origin": "https://site.example"})
    host = gateway.url.removeprefix("http://")
    assert answer.json() == {
        "integrations": {"Segment.io": {"apiKey": KEY, "apiHost": f"{host}/v1", "protocol": "http"}},
        "metrics": {"sampleRate": 0},
    }
    assert answer.headers["access-control-allow-origin"] == "*"
    assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Host", "no-store")


def test_the_public_address_goes_before_the_requests_own(
    clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running(tmp_path_factory.mktemp("url"), clickhouse, public_url="https://in.example/") as gateway:
        segment = gateway.client.get(f"/v1/projects/{KEY}/settings").json()["integrations"]["Segment.io"]
        assert (segment["apiHost"], segment["protocol"]) == ("in.example/v1", "https")


def test_the_scheme_is_believed_only_of_a_trusted_proxy(
    gateway: Running, clickhouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    def protocol(running: Running) -> str:
        path, headers = f"/v1/projects/{KEY}/settings", {"X-Forwarded-Proto": "https"}
        segment = running.client.get(path, headers=headers).json()["integrations"]["Segment.io"]
        return str(segment["protocol"])

    assert protocol(gateway) == "http"
    with running(tmp_path_factory.mktemp("proxy"), clickhouse, trusted_proxies="127.0.0.1") as proxied:
        assert protocol(proxied) == "https"


@pytest.mark.parametrize("host", ["a b", "evil/x", "x'><script>", "x:99999999", ""])
def test_a_host_that_is_none_is_not_repeated(gateway: Running, host: str) -> None:
    answer = gateway.raw(b"GET /v1/projects/%s/settings HTTP/1.1\r\nHost: %s\r\n\r\n" % (KEY.encode(), host.encode()))
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", ["/sourceConfig", "/sourceConfig/", "/sourceConfig/?p=web&v=3"])
def test_rudderstack_gets_a_source_without_destinations(gateway: Running, path: str) -> None:
    authorization = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    source = gateway.client.get(path, headers={"Authorization": authorization}).json()["source"]
    assert source["id"] == source["workspaceId"] == PROJECT
    assert (source["enabled"], source["config"], source["destinations"]) == (True, {}, [])
    assert source["name"]


def test_rudderstacks_key_may_stand_in_the_query(gateway: Running) -> None:
    assert gateway.client.get("/sourceConfig", params={"writeKey": KEY}).status_code == 200
