"""What a project has defined that its filters may refer to: segments, stages, kinds of traits, who is deactivated."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from ask0.catalog.collection import Collection
from ask0.catalog.deactivations import Deactivations
from ask0.catalog.replica import Replica
from ask0.schemas.documents import Segment, Stages
from ask0.schemas.filters import types
from ask0.schemas.filters.dates import Clock
from ask0.schemas.filters.errors import FilterInvalid
from ask0.schemas.filters.inline import StageRule, inline
from ask0.schemas.filters.parser import parse
from ask0.schemas.filters.predicates import Kinds
from ask0.schemas.filters.types import Filter
from ask0.schemas.filters.writer import write
from ask0.schemas.properties import Properties, kinds_of
from ask0.schemas.segments import STAGES, definitions
from ask0.schemas.stages import rules_of, settle
from ask0.warehouse.filters import Compiling


class LiveSegment(NamedTuple):
    """A segment whose members are kept. `definition` is a digest of all that decides who they are."""

    id: str
    name: str
    filter: Filter  # without segments and stages in it
    definition: str


class Staged(NamedTuple):
    """Stages in the order in which they are tried, and the kinds of traits that they go by."""

    rules: Sequence[StageRule]
    kinds: Kinds


class Definitions:
    """As they stand in the replica, and as it follows."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.segments = Collection(replica, "segment", Segment)
        self.properties = Collection(replica, "properties", Properties)
        self.deactivations = Deactivations(replica)
        self.stages = Collection(replica, "stages", Stages)
        self._parsed: dict[str, tuple[int, Filter]] = {}
        self._staged: dict[str, tuple[tuple[int, int, int], Staged]] = {}  # by project, with the versions it is made of
        self._live: dict[str, Mapping[str, LiveSegment]] = {}  # by project, as long as nothing changes
        replica.on_change(self._live.clear)

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
        """For a filter of the project, now."""
        staged = self.staged(project_id)
        return Compiling(
            now(),
            kinds=staged.kinds,
            definitions=definitions(self.filters(project_id), staged.rules),
            deactivated=self.deactivations.ids(project_id),
        )

    def live(self, project_id: str) -> Mapping[str, LiveSegment]:
        """The project's own segments, by id; without what cannot be read, or refers to what is not there."""
        found = self._live.get(project_id)
        if found is None:
            found = self._live[project_id] = {one.id: one for one in self._read_live(project_id)}
        return found

    def _read_live(self, project_id: str) -> Iterator[LiveSegment]:
        filters, staged = self.filters(project_id), self.staged(project_id)
        for id, stored in self.segments.of(project_id).items():
            try:
                filter = inline(types.Segment((id,)), definitions(filters, staged.rules))
            except FilterInvalid:
                continue
            text = msgspec.json.encode([write(filter), sorted(staged.kinds.items())])
            yield LiveSegment(id, stored.document.name, filter, blake2b(text, digest_size=12).hexdigest())

    def staged(self, project_id: str) -> "Staged":
        """Where the project's users are, by rules without segments in them."""
        documents, defined = self.stages.get(project_id, project_id), self.properties.get(project_id, project_id)
        # Segments of all projects: they change seldom, and those of one have no version together.
        versions = documents.version if documents else 0, self.segments.version, defined.version if defined else 0
        known = self._staged.get(project_id)
        if known is None or known[0] != versions:
            known = self._staged[project_id] = versions, self._read_staged(project_id)
        return known[1]

    def _read_staged(self, project_id: str) -> "Staged":
        kinds, own = kinds_of(self.properties_of(project_id)), self.own_rules(project_id)
        segments = definitions(self.filters(project_id)).segments
        return Staged(settle(own, segments, kinds, now()) if own else STAGES, kinds)

    def own_rules(self, project_id: str) -> Sequence[StageRule]:
        """Stages as the project has defined them, if it has."""
        stored = self.stages.get(project_id, project_id)
        return rules_of(stored.document) if stored else ()

    def properties_of(self, project_id: str) -> Properties | None:
        stored = self.properties.get(project_id, project_id)
        return stored.document if stored else None


def now() -> Clock:
    return Clock(time.time_ns() // 1_000_000, UTC)
