"""The address at which a browser reaches this gateway."""

import re
from dataclasses import dataclass

from starlette.types import Scope

from gateway.addresses import Addresses
from gateway.errors import BadRequest

HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class Origins:
    """ASK0_PUBLIC_URL if it is set; else the request's own Host, with the scheme a trusted proxy names."""

    public_url: str
    addresses: Addresses

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
