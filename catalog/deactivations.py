"""Who is deactivated: in memory, so that it is obeyed at once, also while ClickHouse is away."""

import time
from collections import Counter
from collections.abc import Collection as Several
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from ask0.catalog.collection import Collection
from ask0.catalog.errors import TooManyDeactivated
from ask0.catalog.replica import Replica
from ask0.schemas.documents import MAX_DEACTIVATED, Deactivation, subject_of
from ask0.schemas.ids import guest_id

KIND = "deactivation"
NOBODY: Several[str] = frozenset()


class Wanted(NamedTuple):
    """A document to be written, or to be deleted where `body` is None."""

    subject: str
    body: Deactivation | None
    action: str


class Deactivations(Collection[Deactivation]):
    def __init__(self, replica: Replica) -> None:
        self._ids: dict[str, Counter[str]] = {}
        super().__init__(replica, KIND, Deactivation)

    def ids(self, project_id: str) -> Several[str]:
        """Of users, and of the guests that they were when it was done."""
        return self._ids.get(project_id, NOBODY)

    def to_deactivate(self, project_id: str, id: str, profile: Mapping[str, Any] | None, reason: str) -> Wanted:
        """Of the one whom the profile is of, and the guests that it names; of the id alone where nobody can tell.
        Raises TooManyDeactivated."""
        user_id = whom(id, profile)
        subject, there = subject_of(project_id, user_id), self.of(project_id)
        if subject not in there and len(there) >= MAX_DEACTIVATED:
            raise TooManyDeactivated(f"a project has at most {MAX_DEACTIVATED:,} deactivated users: let some in again")
        document = Deactivation(
            project_id=project_id,
            user_id=user_id,
            anonymous_ids=tuple(profile["anonymousIds"]) if profile else (),
            merged_ids=tuple(profile.get("mergedIds", ())) if profile else (),
            reason=reason,
            at=time.time_ns() // 1_000_000,
        )
        return Wanted(subject, document, "user.deactivated")

    def to_reactivate(self, project_id: str, id: str, profile: Mapping[str, Any] | None) -> list[Wanted]:
        """Whatever stands of the user, of those merged into them and of the id itself: it may have been a guest's, who
        is another user by now."""
        merged_ids = profile.get("mergedIds", ()) if profile else ()
        subjects = dict.fromkeys(subject_of(project_id, one) for one in (whom(id, profile), id, *merged_ids))
        there = self.of(project_id)
        return [Wanted(subject, None, "user.reactivated") for subject in subjects if subject in there]

    def to_merge(self, project_id: str, *profiles: Mapping[str, Any]) -> list[Wanted]:
        """Two users become one: whoever of them is deactivated, both are."""
        there, wanted = self.of(project_id), []
        users = {id for profile in profiles for id in (profile["id"], *profile["mergedIds"])}
        every = users | {guest_id(sent) for profile in profiles for sent in profile["anonymousIds"]}
        for subject in (subject_of(project_id, id) for id in sorted(users)):
            if subject in there:
                before = there[subject].document
                merged_ids = (every | {*before.merged_ids}) - {before.user_id, *map(guest_id, before.anonymous_ids)}
                after = replace(before, merged_ids=tuple(sorted(merged_ids)))
                wanted.append(Wanted(subject, after, "user.merged"))
        return wanted

    def to_part(self, project_id: str, leaving: Several[str], guests: Several[str]) -> list[Wanted]:
        """Users leave whom they were merged into, with their guests: each is as deactivated as without the merge."""
        gone, wanted = {*leaving, *guests}, []
        for subject, (_, before) in self.of(project_id).items():
            if before.user_id in gone:
                after = replace(before, merged_ids=tuple(id for id in before.merged_ids if id in gone))
            else:
                after = replace(
                    before,
                    merged_ids=tuple(id for id in before.merged_ids if id not in gone),
                    anonymous_ids=tuple(sent for sent in before.anonymous_ids if guest_id(sent) not in guests),
                )
            if after != before:
                wanted.append(Wanted(subject, after, "user.unmerged"))
        return wanted

    def replaced(self, before: Deactivation | None, after: Deactivation | None) -> None:
        """A guest may have been several users: each of them counts."""
        if before:
            ids = self._ids[before.project_id]
            for id in _ids_of(before):
                ids[id] -= 1
                if not ids[id]:
                    del ids[id]
        if after:
            self._ids.setdefault(after.project_id, Counter()).update(_ids_of(after))


def whom(id: str, profile: Mapping[str, Any] | None) -> str:
    """Who is left of the id, as far as it is known."""
    return str(profile["id"]) if profile else id


def _ids_of(one: Deactivation) -> set[str]:
    return {one.user_id, *map(guest_id, one.anonymous_ids), *one.merged_ids}
