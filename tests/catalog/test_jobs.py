"""Jobs of a project in memory: which is the next, and which place is free."""

from pathlib import Path

from ask0.catalog.documents import write_document
from ask0.catalog.jobs import Jobs
from ask0.catalog.replica import Replica
from ask0.eventlog.open import open_control
from ask0.schemas.changes import name_of
from ask0.schemas.jobs import JOB, MAX_JOBS, Job, Status


async def put(jobs: Jobs, id: str, at: int, status: Status = "waiting", project: str = "p") -> Job:
    """In the place that is free."""
    place, version = jobs.free_place(project)
    finished = at if status == "done" else None
    job = Job(
        id=id,
        project_id=project,
        place=place,
        kind="tag",
        actor="a",
        request="r",
        digest="d",
        asked_at=at,
        status=status,
        finished_at=finished,
    )
    await write_document(
        jobs.replica,
        JOB,
        job.subject,
        job,
        project_id=project,
        action="job.made",
        actor="a",
        request="r",
        id=id,
        expects={name_of(JOB, job.subject): version},
    )
    return job


async def test_a_project_keeps_the_newest_jobs_and_grows_no_further(tmp_path: Path) -> None:
    replica = Replica(open_control(f"sqlite://{tmp_path / 'log.sqlite3'}"))
    jobs = Jobs(replica)
    await replica.start()
    waiting = await put(jobs, "waiting", 1)
    for number in range(MAX_JOBS + 20):
        await put(jobs, f"job_{number}", number + 2, "done")
    await put(jobs, "other", 1, project="q")
    kept = jobs.newest_first("p")
    assert [job.id for job in kept] == [*(f"job_{number}" for number in range(MAX_JOBS + 19, 20, -1)), "waiting"]
    assert len([name for name in replica.state.versions if name.startswith("job/p/")]) == MAX_JOBS
    assert jobs.find("p", "job_0") is None
    assert jobs.find("q", "waiting") is None
    assert [(stored.document.id, jobs.unfinished(stored.document.project_id)) for stored in jobs.next_ones()] == [
        (waiting.id, 1),
        ("other", 1),
    ]
    await replica.close()
