"""What a change comes to. Frozen: every process, of every version, must decide alike from the same stream."""

import msgspec

from ask0.schemas import changes
from ask0.schemas.changes import name_of

REMEMBERED = 10_000  # outcomes: an id that is older than so many changes counts as new


class Document(msgspec.Struct, frozen=True):
    version: int  # the position of the change that made it
    body: msgspec.Raw


class Outcome(msgspec.Struct, frozen=True):
    """`moved` names what had changed meanwhile, so that nothing was done; empty if the change stands."""

    position: int
    moved: str = ""
    digest: str = ""  # the change's own; empty of those whose writers gave none

    @property
    def stands(self) -> bool:
        return not self.moved

    def is_of(self, digest: str) -> bool:
        """Whether it may be that of a change which was asked so."""
        return not self.digest or not digest or self.digest == digest


class State(msgspec.Struct):
    """All documents after the change at `position` of the stream `log_id`."""

    log_id: str = ""
    position: int = 0
    documents: dict[str, dict[str, Document]] = {}  # by kind, by subject
    versions: dict[str, int] = {}  # of kinds, and of documents, deleted ones too, but for those that are forgotten
    outcomes: dict[str, Outcome] = {}  # by the change's id, the oldest first

    def version_of(self, kind: str, subject: str) -> int:
        """0 if there never was one. A deleted document has the version of its deletion."""
        return self.versions.get(name_of(kind, subject), 0)


def adopt(state: State, position: int, value: bytes) -> tuple[changes.Change, Outcome] | None:
    """Applies the record at `position` to the state. None if it is no change, or one that had its outcome before.
    Raises NewerVersion, with the state as it was."""
    change = changes.decode(value)
    state.position = position
    if change is None or change.id in state.outcomes:
        return None
    moved = next((name for name, version in change.expects.items() if state.versions.get(name, 0) != version), "")
    outcome = Outcome(position, moved, change.digest)
    if outcome.stands:
        documents = state.documents.setdefault(change.kind, {})
        if change.body == changes.NOTHING:
            documents.pop(change.subject, None)
        else:
            documents[change.subject] = Document(position, change.body)
        name = name_of(change.kind, change.subject)
        state.versions[name] = state.versions[change.kind] = position
        if change.body == changes.NOTHING and change.action in changes.LEAVE_NOTHING:
            del state.versions[name]
    state.outcomes[change.id] = outcome
    if len(state.outcomes) > REMEMBERED:
        del state.outcomes[next(iter(state.outcomes))]
    return change, outcome
