"""Whose address a beacon came from, and how much of it is kept."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal

from starlette.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Addresses:
    """The IP policy. What it returns is all of the address that is ever stored."""

    def __init__(self, policy: Literal["keep", "truncate", "drop"], trusted_proxies: str) -> None:
        self._policy = policy
        self._trusted: list[Network] = [
            ip_network(part.strip(), strict=False) for part in trusted_proxies.split(",") if part.strip()
        ]
        self._cut = lru_cache(maxsize=4096)(self._cut_uncached)

    def kept(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        """The sender's address after the policy, empty if unknown or dropped."""
        if self._policy == "drop" or not scope["client"]:
            return ""
        peer: str = scope["client"][0]
        if self._trusted and b"x-forwarded-for" in headers and self.is_trusted(peer):
            peer = self._behind_proxies(headers[b"x-forwarded-for"].decode("latin-1"), peer)
        return self._cut(peer)

    def sender(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        """Who is to pay for a request, never stored: an address, of IPv6 its /64; empty if unknown."""
        if not scope["client"]:
            return ""
        peer: str = scope["client"][0]
        if self._trusted and b"x-forwarded-for" in headers and self.is_trusted(peer):
            peer = self._behind_proxies(headers[b"x-forwarded-for"].decode("latin-1"), peer)
        return _network(peer)

    def is_trusted(self, peer: str) -> bool:
        address = _parse(peer)
        return address is not None and any(address in network for network in self._trusted)

    def _behind_proxies(self, forwarded: str, peer: str) -> str:
        """The nearest address that no proxy of ours wrote: what stands before it can be made up by the client."""
        for hop in reversed([part.strip() for part in forwarded.split(",")]):
            if _parse(hop) is None:
                return peer
            peer = hop
            if not self.is_trusted(hop):
                break
        return peer

    def _cut_uncached(self, peer: str) -> str:
        address = _parse(peer)
        if address is None:
            return ""
        if self._policy == "keep":
            return str(address)
        return str(ip_network((int(address), 24) if address.version == 4 else (int(address), 48), strict=False)[0])


@lru_cache(maxsize=4096)
def _network(peer: str) -> str:
    address = _parse(peer)
    if address is None or address.version == 4:
        return peer
    return str(ip_network((int(address), 64), strict=False)[0])


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
