"""What browser SDKs of Segment and RudderStack ask for at load, before they send anything."""

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from ask0.catalog.cache import CatalogCache
from ask0.gateway.operations import Asked
from ask0.gateway.origins import Origins


@dataclass(frozen=True)
class SdkSettings:
    catalog: CatalogCache
    origins: Origins

    async def segment(self, asked: Asked) -> Response:
        """For analytics-next: send to us, and load nothing else."""
        key = asked.request.path_params["writeKey"]
        protocol, _, host = self.origins.of(asked.request.scope).partition("://")
        destination = {"apiKey": key, "apiHost": f"{host}/v1", "protocol": protocol}
        settings = {"integrations": {"Segment.io": destination}, "metrics": {"sampleRate": 0}}
        return JSONResponse(settings, headers={"vary": "Host", "cache-control": "no-store"})  # it names that host

    async def rudderstack(self, asked: Asked) -> Response:
        """For RudderStack's JavaScript SDK: a source without destinations."""
        project_id = asked.caller.project_id
        project = self.catalog.current.projects.get(project_id)
        source = {
            "id": project_id,
            "name": project.name if project else project_id,
            "workspaceId": project_id,
            "enabled": True,
            "config": {},
            "destinations": [],
        }
        return JSONResponse({"source": source})

    async def ignore_metrics(self, asked: Asked) -> Response:
        """The SDKs' measurements of themselves."""
        return JSONResponse({"success": True})
