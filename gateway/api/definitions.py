"""What a project has defined that decides what its users are: segments, stages, who is deactivated."""

import time
from datetime import UTC
from typing import Any

import msgspec

from ask0.catalog.collection import Collection
from ask0.catalog.deactivations import Deactivations
from ask0.catalog.replica import Replica
from ask0.gateway.errors import Unprocessable
from ask0.schemas.documents import Segment
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.evaluate import matches
from ask0.schemas.filters.parser import parse
from ask0.schemas.filters.types import Filter
from ask0.schemas.properties import Properties, defined, kinds_of
from ask0.schemas.property_values import problems
from ask0.schemas.segments import STAGES, definitions
from ask0.schemas.user_changes import UserChange
from ask0.warehouse.filters import DEACTIVATED, Compiling


class ProjectDefinitions:
    """As they stand in the replica, and as it follows."""

    def __init__(self, replica: Replica) -> None:
        self.segments = Collection(replica, "segment", Segment)
        self.properties = Collection(replica, "properties", Properties)
        self.deactivations = Deactivations(replica)
        self._parsed: dict[str, tuple[int, Filter]] = {}

    def filters(self, project_id: str) -> dict[str, Filter]:
        """Of the project's own segments, by id; without what this version cannot read."""
        found = {}
        for id, one in self.segments.of(project_id).items():
            known = self._parsed.get(id)
            if known is None or known[0] != one.version:
                try:
                    known = self._parsed[id] = one.version, parse(one.document.filter)
                except FilterInvalid:
                    continue
            found[id] = known[1]
        return found

    def compiling(self, project_id: str) -> Compiling:
        """For a filter of the project."""
        return Compiling(
            _now(),
            kinds=kinds_of(self._properties(project_id)),
            definitions=definitions(self.filters(project_id)),
            deactivated=self.deactivations.ids(project_id),
        )

    def check(self, project_id: str, change: UserChange, *, is_new: bool) -> None:
        """Raises Unprocessable with one detail for each trait that is not what the project has defined."""
        properties = defined(self._properties(project_id))
        named = [one for one in properties if one.name in change.traits]
        traits = {one.name: msgspec.json.decode(change.traits[one.name]) for one in named}
        found = [
            {"at": f"traits.{name}", "message": message}
            for name, message in problems(properties, traits, is_new=is_new)
        ]
        if found:
            first = found[0]
            raise Unprocessable(f"{first['at']}: {first['message']}", code="invalid_property", details=found)

    def _properties(self, project_id: str) -> Properties | None:
        stored = self.properties.get(project_id, project_id)
        return stored.document if stored else None

    def finish(self, project_id: str, profile: dict[str, Any]) -> dict[str, Any]:
        """With its stage, and deactivated if it is."""
        if profile["id"] in self.deactivations.ids(project_id):
            profile = profile | {"status": DEACTIVATED}
        clock = _now()
        stage = next((rule.name for rule in STAGES if matches(rule.filter, profile, clock)), None)
        return profile | {"stage": stage}


def _now() -> Clock:
    return Clock(time.time_ns() // 1_000_000, UTC)
