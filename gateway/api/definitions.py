"""What a project has defined, put to what callers write and read."""

from typing import Any

import msgspec

from ask0.catalog.definitions import Definitions, now
from ask0.gateway.errors import Unprocessable
from ask0.schemas.filters.evaluate import matches
from ask0.schemas.properties import defined
from ask0.schemas.property_values import problems
from ask0.schemas.segments import STAGES
from ask0.schemas.user_changes import UserChange
from ask0.warehouse.filters import DEACTIVATED


class ProjectDefinitions(Definitions):
    def check(self, project_id: str, change: UserChange, *, is_new: bool) -> None:
        """Raises Unprocessable with one detail for each trait that is not what the project has defined."""
        properties = defined(self.properties_of(project_id))
        named = [one for one in properties if one.name in change.traits]
        traits = {one.name: msgspec.json.decode(change.traits[one.name]) for one in named}
        found = [
            {"at": f"traits.{name}", "message": message}
            for name, message in problems(properties, traits, is_new=is_new)
        ]
        if found:
            first = found[0]
            raise Unprocessable(f"{first['at']}: {first['message']}", code="invalid_property", details=found)

    def finish(self, project_id: str, profile: dict[str, Any]) -> dict[str, Any]:
        """With its stage, and deactivated if it is."""
        if profile["id"] in self.deactivations.ids(project_id):
            profile = profile | {"status": DEACTIVATED}
        clock = now()
        stage = next((rule.name for rule in STAGES if matches(rule.filter, profile, clock)), None)
        return profile | {"stage": stage}
