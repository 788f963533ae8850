"""What a site pastes into its pages to begin: the widget's stub, with this gateway's address and the project's key."""

from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.catalog.keys import first_write_key
from ask0.gateway.api.paths import BASE, project_of
from ask0.gateway.api.route import ApiRoute
from ask0.gateway.callers import Access
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import NotFound
from ask0.gateway.groups import Group
from ask0.gateway.operations import EVERY_KEY, Asked, Operation
from ask0.gateway.origins import Origins
from ask0.gateway.site.static import Static
from ask0.schemas.api import Snippet


class Snippets:
    def __init__(self, catalog: CatalogCache, static: Static, origins: Origins) -> None:
        self._catalog, self._static, self._origins = catalog, static, origins

    async def answer(self, asked: Asked) -> Response:
        catalog = self._catalog.current
        project = catalog.projects.get(project_of(asked))
        key = first_write_key(catalog, project) if project else ""
        if not key:
            raise NotFound("the project has no write key: `ask0 key create` makes one", code="no_write_key")
        stub = self._static.stub(self._origins.of(asked.request.scope), key)
        return JSONResponse({"writeKey": key, "snippet": f"<script>{stub}</script>"})


def snippet_group(entrance: Entrance, snippets: Snippets) -> Group:
    told = "What to paste into the head of your pages"
    return Group(
        entrance,
        [Operation("GET", f"{BASE}/snippet", snippets.answer, told, Access.SERVER, EVERY_KEY, answers=Snippet)],
        Middleware(ApiRoute),
        for_pages=False,
    )
