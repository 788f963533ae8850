/** What is done to all who are chosen: a job, whose progress is shown. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, type ApiError, call, type Schemas } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { Confirm } from "../../kit/Dialog";
import { messageOf } from "../../kit/states";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";

type Do = Schemas["BulkAsked"]["do"];

const OFFERED: { do: Do; scope: string }[] = [
  { do: "tag", scope: "users:write" },
  { do: "untag", scope: "users:write" },
  { do: "deactivate", scope: "users:write" },
  { do: "reactivate", scope: "users:write" },
  { do: "erase", scope: "users:erase" },
];

export function Bulk({ ids, clear }: { ids: string[]; clear: () => void }) {
  const { can } = usePlace();
  const path = useProject();
  const [asked, ask] = useState<Do | null>(null);
  const [job, setJob] = useState<string | null>(null);
  const begin = useMutation<void, ApiError, FormData>({
    mutationFn: async (said) => {
      const tags = said.get("tags")
        ? {
            tags: String(said.get("tags"))
              .split(",")
              .map((tag) => tag.trim()),
          }
        : {};
      const reason = said.get("reason") ? { reason: String(said.get("reason")) } : {};
      const body = { ids, do: asked!, ...tags, ...reason };
      const answer = await call(api.POST("/v1/projects/{project}/users/bulk", { params: { path }, body }));
      setJob(answer.job.id);
      ask(null);
    },
  });
  return (
    <div className="bulk row" role="region" aria-label={text.bulk.title}>
      <strong className="grow">{text.bulk.chosen(ids.length)}</strong>
      {job ? (
        <Progress id={job} done={clear} />
      ) : (
        OFFERED.filter((one) => can(one.scope)).map((one) => (
          <button
            key={one.do}
            type="button"
            className={one.do === "erase" ? "danger" : undefined}
            onClick={() => ask(one.do)}
          >
            {text.bulk.do[one.do as "tag"]}
          </button>
        ))
      )}
      <button type="button" className="quiet" onClick={clear}>
        {text.bulk.none}
      </button>
      {asked && (
        <Confirm
          title={`${text.bulk.do[asked as "tag"]}: ${text.bulk.chosen(ids.length)}`}
          typed={asked === "erase" ? text.bulk.chosen(ids.length) : undefined}
          action={text.bulk.do[asked as "tag"]}
          isBusy={begin.isPending}
          error={begin.error && messageOf(begin.error)}
          close={() => ask(null)}
          confirm={begin.mutate}
        >
          {asked === "erase" && <p>{text.bulk.erases}</p>}
          {(asked === "tag" || asked === "untag") && (
            <label className="field">
              <span>{text.bulk.tags}</span>
              <input name="tags" required />
            </label>
          )}
          {asked === "deactivate" && (
            <label className="field">
              <span>{text.user.reason}</span>
              <input name="reason" maxLength={500} />
            </label>
          )}
        </Confirm>
      )}
    </div>
  );
}

function Progress({ id, done }: { id: string; done: () => void }) {
  const path = useProject();
  const queries = useQueryClient();
  const job = useQuery({
    queryKey: ["job", path.project, id],
    queryFn: () => call(api.GET("/v1/projects/{project}/jobs/{id}", { params: { path: { ...path, id } } })),
    refetchInterval: (query) => (isOver(query.state.data?.job.status) ? false : 700),
  });
  const status = job.data?.job.status;
  useEffect(() => {
    if (!isOver(status)) return;
    say(text.bulk.over[status as "done"] ?? status!);
    void queries.invalidateQueries({ queryKey: ["users", path.project] });
    done();
  }, [status, queries, path.project, done]);
  const { done: worked = 0, total = 0 } = (job.data?.job.progress ?? {}) as { done?: number; total?: number };
  return <progress aria-label={text.bulk.progress} value={total ? worked : undefined} max={total || 1} />;
}

function isOver(status: string | undefined): boolean {
  return status === "done" || status === "failed" || status === "cancelled";
}
