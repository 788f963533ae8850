"""The demo page, and the rows that a visitor of it has made."""

import asyncio
import secrets
from concurrent.futures import Executor
from dataclasses import dataclass

from starlette.responses import JSONResponse, RedirectResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.gateway.api.access import Accesses
from ask0.gateway.errors import BadRequest, NotFound, ServiceUnavailable
from ask0.gateway.operations import Asked
from ask0.gateway.origins import Origins
from ask0.gateway.site.static import Static
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.demo import read_rows
from ask0.warehouse.errors import Unavailable


@dataclass(frozen=True)
class Demo:
    project_id: str
    static: Static
    catalog: CatalogCache
    origins: Origins
    warehouse: Warehouse
    threads: Executor
    accesses: Accesses

    async def page(self, asked: Asked) -> Response:
        """A small help centre with the real snippet in its head."""
        self.origins.check_own_host(asked.request.scope)
        nonce = secrets.token_urlsafe(16)
        origin = self.origins.of(asked.request.scope)
        values = {"__ASK0_KEY__": self._write_key(), "__ASK0_HOST__": origin, "__NONCE__": nonce}
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}' {origin}; style-src 'nonce-{nonce}'; "
            f"connect-src 'self' {origin}; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        return Response(
            self.static.filled("demo.html", values),
            media_type="text/html",
            headers={"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "no-referrer"},
        )

    async def page_without_slash(self, asked: Asked) -> Response:
        """The page's own addresses are relative."""
        return RedirectResponse("/demo")

    async def access(self, asked: Asked) -> Response:
        """What the demo's own server would ask before its assistant answers."""
        self.origins.check_own_host(asked.request.scope)
        return JSONResponse(
            await self.accesses.decide(self.project_id, asked.query), headers={"cache-control": "no-store"}
        )

    async def rows(self, asked: Asked) -> Response:
        """What ClickHouse holds of one visitor of the demo project, named by anonymousId or userId."""
        self.origins.check_own_host(asked.request.scope)
        user, since = asked.request.query_params.get("user", ""), asked.request.query_params.get("since", "0")
        if not user or not since.isdecimal() or len(since) > 15:
            raise BadRequest("ask for ?user=<anonymousId or userId>, and since=<epoch ms> if you like")
        try:
            body = await asyncio.get_running_loop().run_in_executor(
                self.threads, read_rows, self.warehouse, self.project_id, user, int(since)
            )
        except Unavailable as error:
            raise ServiceUnavailable("ClickHouse does not answer now") from error
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    def _write_key(self) -> str:
        for key in self.catalog.current.keys.values():
            if key.kind == "write" and key.project_id == self.project_id and key.revoked_at is None:
                return key.id
        raise NotFound("the demo project has no write key: `ask0 key create` makes one")
