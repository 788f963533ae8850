"""Whose address is kept, and how much of it, before anything is durable."""

from pathlib import Path
from typing import Any, Literal

import pytest

from ask0.gateway.addresses import Addresses
from ask0.warehouse.connect import Warehouse
from tests.gateway.running import names, running, track

Policy = Literal["keep", "truncate", "drop"]


def kept(policy: Policy, peer: str, forwarded: str = "", trusted: str = "") -> str:
    headers = {b"x-forwarded-for": forwarded.encode()} if forwarded else {}
    scope: dict[str, Any] = {"client": (peer, 1)}
    return Addresses(policy, trusted).kept(scope, headers)


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("fe80::1%eth0", "fe80::"),
        ("unix", ""),
    ],
)
def test_only_the_network_of_an_address_is_kept(peer: str, network: str) -> None:
    assert kept("truncate", peer) == network


def test_the_whole_address_or_nothing_is_kept_by_policy() -> None:
    assert kept("keep", "203.0.113.77") == "203.0.113.77"
    assert kept("keep", "::ffff:203.0.113.77") == "203.0.113.77"
    assert kept("drop", "203.0.113.77") == ""


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.1", "203.0.113.77", "198.51.100.1"),  # not our proxy: it can say anything
        ("10.0.0.1", "203.0.113.77", "203.0.113.77"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.77", "203.0.113.77"),  # what the client made up stands before
        ("10.0.0.1", "203.0.113.77, 10.0.0.2", "203.0.113.77"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "203.0.113.77, garbage", "10.0.0.1"),
        ("10.0.0.1", "garbage, 203.0.113.77", "203.0.113.77"),
        ("10.0.0.1", ", ,", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::7", "2001:db8::7"),
    ],
)
def test_a_trusted_proxy_names_the_client(peer: str, forwarded: str, address: str) -> None:
    assert kept("keep", peer, forwarded, "10.0.0.0/8, 192.0.2.1") == address


def test_nothing_on_disk_holds_the_whole_address(clickhouse: Warehouse, tmp_path: Path) -> None:
    with running(tmp_path, clickhouse, trusted_proxies="127.0.0.0/8") as gateway:
        gateway.post("/batch", [track("A"), {"event": "B"}], headers={"X-Forwarded-For": "203.0.113.77"})
        contents = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert b"203.0.113.0" in contents
        assert b"203.0.113.77" not in contents
        assert names(gateway.events()) == ["A"]
