"""What a project has defined, put to what callers write and read."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ask0.catalog.definitions import Definitions, now
from ask0.catalog.replica import Replica
from ask0.catalog.suppressions import Suppressions
from ask0.gateway.errors import Conflict, Unprocessable
from ask0.gateway.turns import in_turns
from ask0.schemas.filters.evaluate import Asking, meets
from ask0.schemas.properties import defined
from ask0.schemas.property_values import problems
from ask0.schemas.user_changes import UserChange
from ask0.warehouse.filters import DEACTIVATED


class ProjectDefinitions(Definitions):
    def __init__(self, replica: Replica) -> None:
        super().__init__(replica)
        self.suppressions = Suppressions(replica)

    def check_known(self, project_id: str, id: str) -> None:
        """Raises Conflict for one who is erased: what is said of them would be dropped."""
        if self.suppressions.drops(project_id, id):
            raise Conflict(
                "this user was erased, and whatever comes of them is dropped: "
                "`POST /suppressions/{id}/lift` lets them in again",
                code="erased",
            )

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
        return self._finish(project_id, profile, self._asking(project_id))

    async def finish_all(self, project_id: str, profiles: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        asking = self._asking(project_id)
        return [self._finish(project_id, profile, asking) async for _, profile in in_turns(profiles)]

    def _asking(self, project_id: str) -> Asking:
        return Asking(now(), self.staged(project_id).kinds)

    def _finish(self, project_id: str, profile: dict[str, Any], asking: Asking) -> dict[str, Any]:
        if profile["id"] in self.deactivations.ids(project_id):
            profile = profile | {"status": DEACTIVATED}
        holding = (rule.name for rule in self.staged(project_id).rules if meets(rule.filter, profile, asking))
        return profile | {"stage": next(holding, None)}
