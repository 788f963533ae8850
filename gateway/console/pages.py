"""One page for every address of the console, and the files that it loads."""

from pathlib import Path

from starlette.responses import RedirectResponse, Response

from ask0.gateway.assets import FOR_EVER, Asset, serve
from ask0.gateway.entrance import Entrance
from ask0.gateway.errors import NotFound
from ask0.gateway.groups import Group
from ask0.gateway.operations import Asked, Operation

DIST = Path(__file__).parent / "dist"
PATH = "/console"
NOT_BUILT = "the console is not built: `make run` builds it"
# Nothing from elsewhere, no script or style in the page, and nobody may show it inside of theirs.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Pages:
    """Files are read once, at start. Before they are built, the rest of the gateway works."""

    def __init__(self, folder: Path = DIST) -> None:
        files = [path for path in folder.glob("assets/*") if path.suffix not in (".br", ".gz")]
        self._assets = {path.name: Asset.read(path) for path in files}
        self._page = Asset.read(folder / "index.html") if (folder / "index.html").exists() else None

    async def asset(self, asked: Asked) -> Response:
        asset = self._assets.get(asked.request.path_params["name"])
        if asset is None:
            raise NotFound("there is no such file of the console: load the page again" if self._page else NOT_BUILT)
        return serve(asked.request, asset, FOR_EVER, HEADERS)

    async def page(self, asked: Asked) -> Response:
        """The same for all addresses: which of them it is, the page finds out."""
        if self._page is None:
            raise NotFound(NOT_BUILT)
        return serve(asked.request, self._page, "no-cache", HEADERS)

    async def without_slash(self, asked: Asked) -> Response:
        return RedirectResponse(f"{PATH}/", headers=HEADERS)


def console_group(entrance: Entrance, pages: Pages) -> Group:
    return Group(
        entrance,
        [
            Operation("GET", PATH, pages.without_slash, "", hidden=True),
            Operation("GET", f"{PATH}/assets/{{name}}", pages.asset, "", hidden=True),
            Operation("GET", f"{PATH}/{{rest:path}}", pages.page, "", hidden=True),
        ],
    )
