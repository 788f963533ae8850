"""Properties: what a project's traits are, for filters and for what the API writes."""

from typing import Any

import msgspec
from starlette.responses import Response

from ask0.catalog.errors import MovedOn as MovedMeanwhile
from ask0.gateway.api import documents
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.documents import expected_version
from ask0.gateway.api.paths import project_of
from ask0.gateway.errors import MovedOn, invalid
from ask0.gateway.operations import Asked
from ask0.schemas.changes import name_of
from ask0.schemas.filters.names import FIELDS, keys_of
from ask0.schemas.filters.names import name_of as filter_name
from ask0.schemas.ids import is_text
from ask0.schemas.properties import DEFAULTS, Properties, Property


class PropertyDocuments:
    def __init__(self, defined: ProjectDefinitions, changes: Changes) -> None:
        self._defined = defined
        self._stored = defined.properties
        self._changes = changes

    async def get(self, asked: Asked) -> Response:
        return self._answer(project_of(asked))

    async def put(self, asked: Asked) -> Response:
        """All of the project's own, in place of those before."""
        project_id = project_of(asked)
        expected = expected_version(asked)
        properties = _read(project_id, asked.body.properties)
        said = msgspec.json.encode(properties)
        request = self._changes.request(asked, "", said)
        expects = {} if expected is None else {name_of(self._stored.kind, project_id): expected}
        try:
            await documents.write(self._stored, request, project_id, properties, "properties.changed", expects)
        except MovedMeanwhile:
            raise MovedOn(
                "somebody else has changed the properties: look at `current`", current=self._shown(project_id)
            ) from None
        return self._answer(project_id)

    def _answer(self, project_id: str) -> Response:
        return documents.answer(self._shown(project_id))

    def _shown(self, project_id: str) -> dict[str, Any]:
        """The version of none is that of the last change, 0 if there never was one."""
        stored = self._stored.get(project_id, project_id)
        own = stored.document.properties if stored else ()
        version = self._stored.replica.state.version_of(self._stored.kind, project_id)
        return {
            "defaults": [msgspec.to_builtins(one) for one in DEFAULTS],
            "properties": [msgspec.to_builtins(one) for one in own],
            "version": str(version),
        }


def _read(project_id: str, given: list[dict[str, Any]]) -> Properties:
    """Raises BadRequest with the place of the first that is wrong."""
    found: list[Property] = []
    names: set[str] = {one.name for one in DEFAULTS}
    for place, one in enumerate(given):
        at = f"properties[{place}]"
        try:
            read = msgspec.convert(one, Property)
            keys_of(filter_name((read.name,)))
        except (msgspec.ValidationError, ValueError) as error:
            raise invalid([(at, str(error).replace(" - at `$", f" - at `{at}"))], code="invalid_body") from None
        if read.name in FIELDS or read.name in names:
            raise invalid(
                [(f"{at}.name", "there is one of this name already: the product's, or an earlier one here")],
                code="invalid_body",
            )
        if not is_text(read.name + read.description):
            raise invalid([(at, "this holds half of a surrogate pair, which no text has")], code="invalid_body")
        names.add(read.name)
        found.append(read)
    return Properties(project_id=project_id, properties=tuple(found))
