"""Jobs in memory, by project: those that are finished, and which one is the next."""

from collections.abc import Iterator

from ask0.catalog.collection import Collection, Stored
from ask0.catalog.replica import Replica
from ask0.schemas.changes import name_of
from ask0.schemas.jobs import EXPORT, JOB, MAX_JOBS, RETENTION, Job


class Jobs(Collection[Job]):
    def __init__(self, replica: Replica) -> None:
        self._unfinished: dict[str, set[str]] = {}  # subjects, by project
        self._exports: dict[str, set[str]] = {}  # likewise
        super().__init__(replica, JOB, Job)

    def find(self, project_id: str, id: str) -> Stored[Job] | None:
        return next((stored for stored in self.of(project_id).values() if stored.document.id == id), None)

    def newest_first(self, project_id: str) -> list[Job]:
        jobs = [stored.document for stored in self.of(project_id).values()]
        return sorted(jobs, key=lambda job: (job.asked_at, job.id), reverse=True)

    def unfinished(self, project_id: str) -> int:
        return len(self._unfinished.get(project_id, ()))

    def exports(self, project_id: str | None = None) -> list[Stored[Job]]:
        """Those that are not finished: of a project, or of all."""
        projects = self._exports if project_id is None else [project_id]
        return [self.of(project)[subject] for project in projects for subject in self._exports.get(project, ())]

    def next_ones(self) -> Iterator[Stored[Job]]:
        """Of each project that has any, the one that was asked for first: they are carried out one after the other, so
        that of two the later one stands."""
        for project_id, subjects in self._unfinished.items():
            yield min(
                (self.of(project_id)[subject] for subject in subjects),
                key=lambda stored: (stored.document.asked_at, stored.document.id),
            )

    def free_place(self, project_id: str) -> tuple[int, int]:
        """And the version of what is there: nothing, or the one that was finished first. Needs less than MAX_JOBS that
        are not finished."""
        taken = {stored.document.place: stored for stored in self.of(project_id).values()}
        for place in range(MAX_JOBS):
            if place not in taken:
                return place, self.replica.state.versions.get(name_of(JOB, f"{project_id}/{place}"), 0)
        finished = [stored for stored in taken.values() if stored.document.is_finished]
        oldest = min(finished, key=lambda stored: (stored.document.finished_at or 0, stored.version))
        return oldest.document.place, oldest.version

    def replaced(self, before: Job | None, after: Job | None) -> None:
        for kept in (self._unfinished, self._exports):
            if before and before.project_id in kept:
                kept[before.project_id].discard(before.subject)
                if not kept[before.project_id]:
                    del kept[before.project_id]
        if after and not after.is_finished and after.kind != RETENTION:
            kept = self._exports if after.kind == EXPORT else self._unfinished
            kept.setdefault(after.project_id, set()).add(after.subject)
