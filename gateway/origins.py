"""The address at which a browser reaches this gateway."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import Scope

from ask0.gateway.addresses import Addresses
from ask0.gateway.errors import BadRequest, Forbidden
from ask0.schemas.settings import LOOPBACK

HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class Origins:
    """ASK0_PUBLIC_URL if it is set; else the request's own Host, with the scheme a trusted proxy names."""

    public_url: str
    addresses: Addresses

    def check_own_host(self, scope: Scope) -> None:
        """For what is meant for this machine's browser alone. Raises Forbidden for a Host that is neither loopback nor
        ASK0_PUBLIC_URL: another site's name may be made to point here, and its page would read the answer."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        name = urlsplit(f"//{host}").hostname if HOST.fullmatch(host) else None
        if name is None or name not in (*LOOPBACK, urlsplit(self.public_url).hostname):
            raise Forbidden("this page is for this machine alone: open it as 127.0.0.1 or localhost", code="wrong_host")

    def of(self, scope: Scope) -> str:
        """`https://host:port`, without a slash at the end. Raises BadRequest for a Host that is none."""
        if self.public_url:
            return self.public_url.rstrip("/")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if not HOST.fullmatch(host):
            raise BadRequest("the Host header names no host", code="bad_host")
        scheme: str = scope["scheme"]
        forwarded = headers.get(b"x-forwarded-proto", b"").decode("latin-1")
        if forwarded in ("http", "https") and scope["client"] and self.addresses.is_trusted(scope["client"][0]):
            scheme = forwarded
        return f"{scheme}://{host}"
