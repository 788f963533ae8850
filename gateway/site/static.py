"""The widget: bundle, snippet and demo page, as the widget's build left them in gateway/static/."""

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from ask0.gateway.assets import FOR_EVER, Asset, serve
from ask0.gateway.errors import BadRequest, NotFound
from ask0.gateway.operations import Asked
from ask0.gateway.origins import Origins
from ask0.gateway.site.releases import versioned_files
from ask0.schemas.consent import STATES
from ask0.schemas.settings import HOST_NAME

STATIC = Path(__file__).parents[1] / "static"
UNVERSIONED = ("ask0.js", "auto.js", "snippet.js", "demo.html")
FOR_ANY_SITE = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "x-content-type-options": "nosniff",
}
SHORT_CACHE = "public, max-age=300"


class Static:
    """Files are read once, at start. Before the widget is built there are none, and the rest of the gateway works."""

    def __init__(self, folder: Path, kept: Path, origins: Origins) -> None:
        self._origins = origins
        manifest = folder / "manifest.json"
        self._manifest: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
        self.version = self._manifest.get("version", "")
        files = versioned_files(folder, kept) if self.version else {}
        files |= {name: folder / name for name in UNVERSIONED if (folder / name).exists()}
        self._assets = {name: Asset.read(path) for name, path in files.items()}

    async def manifest(self, asked: Asked) -> Response:
        """The names of this release's files with their integrity, for pages that pin them."""
        described = {name: value for name, value in self._manifest.items() if name != "snippet"}
        return JSONResponse(described, headers={**FOR_ANY_SITE, "cache-control": SHORT_CACHE})

    async def bundle(self, asked: Asked) -> Response:
        """The newest bundle, for pages that always want it: a short cache, then asked for again by its ETag."""
        return serve(asked.request, self._asset("ask0.js"), SHORT_CACHE, FOR_ANY_SITE)

    async def versioned_bundle(self, asked: Asked) -> Response:
        """One version of the bundle, never changed: the one to load with an integrity attribute."""
        return serve(
            asked.request, self._asset(f"ask0.{asked.request.path_params['version']}.js"), FOR_EVER, FOR_ANY_SITE
        )

    async def auto(self, asked: Asked) -> Response:
        """The bundle for pages without a snippet, with `data-ask0`: it tells of page views by itself."""
        return serve(asked.request, self._asset("auto.js"), SHORT_CACHE, FOR_ANY_SITE)

    async def versioned_auto(self, asked: Asked) -> Response:
        return serve(
            asked.request, self._asset(f"auto.{asked.request.path_params['version']}.js"), FOR_EVER, FOR_ANY_SITE
        )

    async def more(self, asked: Asked) -> Response:
        """The module that the bundle loads when a page first needs it; its name changes with its content."""
        return self._versioned(asked, "more", "hash")

    async def snippet(self, asked: Asked) -> Response:
        """The stub with this gateway's address, a write key and the page's options in it."""
        key = asked.request.query_params.get("writeKey")
        if not key:
            raise BadRequest("the key that the snippet is to have stands in ?writeKey=")
        with_options = "&".join(filter(None, (key, _options(asked.request.query_params))))
        return Response(
            self.stub(self._origins.of(asked.request.scope), with_options),
            media_type="text/javascript",
            headers={**FOR_ANY_SITE, "cache-control": SHORT_CACHE, "vary": "Host"},
        )

    def stub(self, host: str, key: str) -> str:
        """What a page has in it; options may follow the key. Raises NotFound before the widget is built."""
        return self.filled("snippet.js", {"__ASK0_KEY__": key, "__ASK0_HOST__": host})

    def filled(self, name: str, values: dict[str, str]) -> str:
        """A built file with its placeholders replaced, each value escaped to stand inside a JavaScript string."""
        text = self._asset(name).variants["identity"].decode()
        for placeholder, value in values.items():
            text = text.replace(placeholder, _escaped(value))
        return text

    def _versioned(self, asked: Asked, name: str, version: str) -> Response:
        return serve(
            asked.request, self._asset(f"{name}.{asked.request.path_params[version]}.js"), FOR_EVER, FOR_ANY_SITE
        )

    def _asset(self, name: str) -> Asset:
        asset = self._assets.get(name)
        if asset is None:
            missing = (
                "there is no such version of the widget" if self._assets else "the widget is not built: `make run`"
            )
            raise NotFound(missing)
        return asset


def _options(query: Mapping[str, str]) -> str:
    """The options of the snippet, as the bundle's address carries them."""
    consent, domain = query.get("consent"), query.get("cookieDomain")
    if consent is not None and consent not in STATES:
        raise BadRequest(f"consent is {', '.join(STATES)} or left out", code="invalid_consent")
    if domain is not None and not HOST_NAME.fullmatch(domain.lower()):
        raise BadRequest("cookieDomain is a host name such as example.com", code="invalid_cookie_domain")
    return urlencode({name: value for name, value in (("consent", consent), ("cookieDomain", domain)) if value})


def _escaped(value: str) -> str:
    """Inside a JavaScript string, and inside a script element of a page."""
    text = json.dumps(value)[1:-1]
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("'", "\\u0027")
