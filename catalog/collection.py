"""Documents of one kind in memory, by project: as new as this process's replica."""

import logging
from collections.abc import Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from ask0.catalog.replica import Replica


class OfProject(Protocol):
    @property
    def project_id(self) -> str: ...


T = TypeVar("T", bound=OfProject)

logger = logging.getLogger(__name__)


class Stored(NamedTuple, Generic[T]):
    version: int
    document: T


class Collection(Generic[T]):
    """Reads what has changed, and no more."""

    def __init__(self, replica: Replica, kind: str, type: type[T]) -> None:
        self.replica = replica
        self.kind = kind
        self._decoder = msgspec.json.Decoder(type)
        self._by_subject: dict[str, Stored[T]] = {}
        self._by_project: dict[str, dict[str, Stored[T]]] = {}
        replica.on_change(self._adopt)

    def of(self, project_id: str) -> Mapping[str, Stored[T]]:
        """By subject."""
        return self._by_project.get(project_id, {})

    def get(self, project_id: str, subject: str) -> Stored[T] | None:
        """None for one of another project, too."""
        return self.of(project_id).get(subject)

    @property
    def projects(self) -> list[str]:
        """Those that have any."""
        return [project_id for project_id, own in self._by_project.items() if own]

    @property
    def version(self) -> int:
        """Of all of the kind together."""
        return self.replica.state.versions.get(self.kind, 0)

    def _adopt(self) -> None:
        """Only what has changed, unless that is not known: there may be very many."""
        changed = self.replica.changed
        if changed is None:
            subjects = {*self._by_subject, *self.replica.state.documents.get(self.kind, {})}
        else:
            subjects = {subject for kind, subject in changed if kind == self.kind}
        for subject in subjects:
            self._adopt_one(subject)

    def _adopt_one(self, subject: str) -> None:
        there = self.replica.state.documents.get(self.kind, {}).get(subject)
        before = self._by_subject.get(subject)
        if before and there and before.version == there.version and self.replica.changed is not None:
            return
        after = self._read(there.version, there.body) if there else None
        if before:
            del self._by_subject[subject], self._by_project[before.document.project_id][subject]
        if after:
            self._by_subject[subject] = after
            self._by_project.setdefault(after.document.project_id, {})[subject] = after
        self.replaced(before.document if before else None, after.document if after else None)

    def replaced(self, before: T | None, after: T | None) -> None:
        """Told of each document that is another one than before, is new or is gone."""

    def _read(self, version: int, body: msgspec.Raw) -> Stored[T] | None:
        """None for what cannot be read, which must not take the others with it."""
        try:
            return Stored(version, self._decoder.decode(body))
        except msgspec.MsgspecError as error:
            logger.error("the %s of version %s cannot be read and counts as absent: %s", self.kind, version, error)
            return None
