/** Work that goes on after its answer: how far it is, what came of it, and how to end it. */
import { api, call } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { isUnderWay, type Job, useJobs } from "../../kit/jobs";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { say } from "../../kit/toasts";
import { Num, Time } from "../../kit/values";
import { text } from "../../text/en";

export default function Jobs() {
  const path = useProject();
  const { can } = usePlace();
  const jobs = useJobs();
  const cancel = useChanging(
    ["jobs"],
    (id: string) => call(api.POST("/v1/projects/{project}/jobs/{id}/cancel", { params: { path: { ...path, id } } })),
    () => say(text.jobs.ending),
  );
  if (jobs.isPending) return <Skeleton lines={6} />;
  if (jobs.isError) return <ErrorState error={jobs.error} retry={jobs.refetch} />;
  if (!jobs.data.length) return <p className="state">{text.jobs.none}</p>;
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th>{text.jobs.what}</th>
            <th>{text.jobs.state}</th>
            <th className="number">{text.dashboard.users}</th>
            <th>{text.jobs.began}</th>
            <th>{text.jobs.ended}</th>
            <th>
              <span className="unseen">{text.jobs.cancel}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {jobs.data.map((job) => (
            <tr key={job.id}>
              <td>
                {job.kind.replaceAll("_", " ")}
                <br />
                <small className="muted">{job.id}</small>
              </td>
              <td>
                {text.jobs.statuses[job.status]}
                {job.message && <p className="bad">{job.message}</p>}
              </td>
              <td className="number">
                <Progress job={job} />
              </td>
              <td>
                <Time at={job.createdAt} />
              </td>
              <td>
                <Time at={job.finishedAt} />
              </td>
              <td>
                {isUnderWay(job) && can("users:write") && (
                  <button
                    type="button"
                    disabled={cancel.isPending || job.cancelAskedAt !== null}
                    onClick={() => cancel.mutate(job.id, { onError: (error) => say(messageOf(error)) })}
                  >
                    {text.jobs.cancel}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Progress({ job: { status, progress } }: { job: Job }) {
  return (
    <>
      {status === "running" && progress.total !== null && (
        <progress aria-label={text.bulk.progress} value={progress.done} max={progress.total || 1} />
      )}{" "}
      <Num value={progress.done} />
      {progress.total !== null && progress.total !== progress.done && (
        <>
          {" / "}
          <Num value={progress.total} />
        </>
      )}
    </>
  );
}
