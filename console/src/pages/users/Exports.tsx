/** Users as CSV: asked for, downloaded with its progress, and found again by whoever comes back. */
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { Dialog } from "../../kit/Dialog";
import { isUnderWay, type Job, useJobs } from "../../kit/jobs";
import { Failed } from "../../kit/saving";
import { ErrorState, Skeleton } from "../../kit/states";
import { Time } from "../../kit/values";
import { text } from "../../text/en";
import type { Filter } from "./filters";

const KIND = "export";

interface Props {
  ids: string[];
  whoever: Filter;
  count: number | null;
  close: () => void;
}

export function Exports({ ids, whoever, count, close }: Props) {
  const path = useProject();
  const make = useChanging(["jobs"], (said: FormData) => {
    const whom = said.get("whom") === "chosen" ? { ids } : { filter: whoever };
    return call(
      api.POST("/v1/projects/{project}/exports", {
        params: { path },
        body: { ...whom, format: "csv", what: "profiles" },
      }),
    );
  });
  return (
    <Dialog title={text.exports.title} close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate(new FormData(event.currentTarget));
        }}
      >
        <p className="muted">{text.exports.says}</p>
        <fieldset className="choices">
          <legend>{text.exports.whom}</legend>
          {ids.length > 0 && (
            <label>
              <input type="radio" name="whom" value="chosen" defaultChecked /> {text.exports.chosen(ids.length)}
            </label>
          )}
          <label>
            <input type="radio" name="whom" value="listed" defaultChecked={!ids.length} /> {text.exports.listed(count)}
          </label>
        </fieldset>
        <Failed error={make.error} />
        <div>
          <button type="submit" className="main" disabled={make.isPending}>
            {text.exports.make}
          </button>
        </div>
      </form>
      <div className="section">
        <h3>{text.exports.all}</h3>
        <Made />
      </div>
    </Dialog>
  );
}

/** Of everybody in the project; looked at again as long as one of them may go on. */
function Made() {
  const jobs = useJobs(KIND);
  if (jobs.isPending) return <Skeleton lines={2} />;
  if (jobs.isError) return <ErrorState error={jobs.error} retry={jobs.refetch} />;
  if (!jobs.data.length) return <p className="muted">{text.exports.none}</p>;
  return (
    <ul className="plain">
      {jobs.data.slice(0, 20).map((job) => (
        <One key={job.id} job={job} />
      ))}
    </ul>
  );
}

function One({ job }: { job: Job }) {
  const { project } = useProject();
  const { done, total } = job.progress;
  const file = `/v1/projects/${encodeURIComponent(project)}/exports/${encodeURIComponent(job.id)}/file`;
  return (
    <li className="row">
      <span className="grow">
        {text.exports.users(total ?? done)}{" "}
        <small className="muted">
          <Time at={job.createdAt} /> · {text.exports.statuses[job.status]}
          {job.message && `: ${job.message}`}
        </small>
      </span>
      {job.status === "running" && <progress aria-label={text.bulk.progress} value={done} max={total || 1} />}
      {isUnderWay(job) && (
        <a href={file} download>
          {text.exports.download}
        </a>
      )}
    </li>
  );
}
