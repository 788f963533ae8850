"""Users, for whoever has the project's secret key."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from starlette.responses import JSONResponse, Response

from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.paths import project_of, unknown_user
from ask0.gateway.operations import Asked
from ask0.gateway.questions import Questions
from ask0.warehouse.connect import Warehouse
from ask0.warehouse.users import read_profile

NO_MORE: Mapping[str, str] = MappingProxyType({})


class Users:
    def __init__(self, warehouse: Warehouse, questions: Questions, definitions: ProjectDefinitions) -> None:
        self._warehouse = warehouse
        self._questions = questions
        self._definitions = definitions
        self.seen: Callable[[Asked, str], None] = lambda asked, user_id: None  # told whose profile was read

    async def profile(self, asked: Asked) -> Response:
        """A guest who has become a user is answered as that user."""
        profile = found(await self.read(project_of(asked), asked.request.path_params["id"]))
        self.seen(asked, profile["id"])
        return answer_profile(profile)

    async def read(self, project_id: str, id: str) -> dict[str, Any] | None:
        """Raises ServiceUnavailable."""
        profile = await self.read_stored(project_id, id)
        return self._definitions.finish(project_id, profile) if profile else None

    async def read_stored(self, project_id: str, id: str) -> dict[str, Any] | None:
        """As it is in the row: without what the project's definitions say of it."""
        return await self._questions.ask(read_profile, self._warehouse, project_id, id)


def found(profile: dict[str, Any] | None) -> dict[str, Any]:
    if profile is None:
        raise unknown_user()
    return profile


def answer_profile(profile: dict[str, Any], status: int = 200, headers: Mapping[str, str] = NO_MORE) -> Response:
    return JSONResponse(profile, status, headers={"etag": f'"{profile["version"]}"', **headers})
