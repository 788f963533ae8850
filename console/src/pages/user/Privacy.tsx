/** The rights of a user: consent, a copy of everything, and to be forgotten. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type ApiError, call } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { Confirm } from "../../kit/Dialog";
import { messageOf } from "../../kit/states";
import { Value } from "../../kit/values";
import { text } from "../../text/en";
import { nameOf, type Profile } from "../users/columns";

export function Privacy({ user, close }: { user: Profile; close: () => void }) {
  const { can } = usePlace();
  const { project } = useProject();
  const [isAsked, ask] = useState(false);
  const [job, setJob] = useState<string | null>(null);
  const whole = `/v1/projects/${encodeURIComponent(project)}/users/${encodeURIComponent(user.id)}/export`;
  const said = [...Object.entries(user.consent), ...Object.entries(user.preferences)].filter(
    ([, state]) => state !== null,
  );
  return (
    <div className="stack">
      <section className="stack">
        <h3>{text.privacy.consent}</h3>
        {said.length ? (
          <dl className="lines">
            {said.map(([name, state]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <Value value={typeof state === "boolean" ? (state ? text.yes : text.no) : state} />
                </dd>
              </div>
            ))}
          </dl>
        ) : (
          <p className="muted">{text.privacy.noConsent}</p>
        )}
        {user.gpc && <p className="muted">{text.privacy.gpc}</p>}
      </section>
      {can("events:read") && (
        <section className="stack section">
          <h3>{text.privacy.export}</h3>
          <p className="muted">{text.privacy.exportHint}</p>
          <p className="row">
            <a href={`${whole}?format=json`} download>
              JSON
            </a>
            <a href={`${whole}?format=csv`} download>
              CSV
            </a>
          </p>
        </section>
      )}
      {can("users:erase") && (
        <section className="stack section">
          <h3>{text.privacy.erase}</h3>
          {job ? (
            <Receipt id={job} close={close} />
          ) : (
            <>
              <p className="muted">{text.privacy.eraseHint}</p>
              <div>
                <button type="button" className="danger" onClick={() => ask(true)}>
                  {text.privacy.eraseDo}
                </button>
              </div>
            </>
          )}
        </section>
      )}
      {isAsked && <Erase user={user} close={() => ask(false)} begun={setJob} />}
    </div>
  );
}

function Erase({ user, close, begun }: { user: Profile; close: () => void; begun: (job: string) => void }) {
  const path = { ...useProject(), id: user.id };
  const erase = useMutation<void, ApiError, FormData>({
    mutationFn: async (said) => {
      const how = said.get("how");
      const query = { anonymize: how === "anonymize", deleteConversations: how === "everything" };
      const answer = await call(api.DELETE("/v1/projects/{project}/users/{id}", { params: { path, query } }));
      begun(answer.job.id);
      close();
    },
  });
  return (
    <Confirm
      title={text.privacy.erase}
      typed={nameOf(user)}
      action={text.privacy.eraseDo}
      isBusy={erase.isPending}
      error={erase.error && messageOf(erase.error)}
      close={close}
      confirm={erase.mutate}
    >
      <p>{text.privacy.eraseSays(nameOf(user))}</p>
      <fieldset className="choices">
        <legend className="unseen">{text.privacy.how}</legend>
        {text.privacy.ways.map(([value, name], place) => (
          <label key={value}>
            <input type="radio" name="how" value={value} defaultChecked={place === 0} /> {name}
          </label>
        ))}
      </fieldset>
    </Confirm>
  );
}

function Receipt({ id, close }: { id: string; close: () => void }) {
  const path = { ...useProject(), id };
  const queries = useQueryClient();
  const job = useQuery({
    queryKey: ["job", path.project, id],
    queryFn: () => call(api.GET("/v1/projects/{project}/jobs/{id}", { params: { path } })),
    refetchInterval: (query) => (["done", "failed"].includes(query.state.data?.job.status ?? "") ? false : 700),
  });
  const found = job.data?.job;
  if (found?.status === "failed") return <p className="bad">{found.message}</p>;
  if (found?.status !== "done") {
    return (
      <p role="status">
        {text.privacy.underWay} <progress aria-label={text.privacy.underWay} />
      </p>
    );
  }
  const written = JSON.stringify(found.receipt, null, 2);
  return (
    <div className="stack" role="status">
      <p>{text.privacy.done}</p>
      <pre className="receipt">{written}</pre>
      <div className="row">
        <button
          type="button"
          onClick={() => {
            const link = document.createElement("a");
            link.href = URL.createObjectURL(new Blob([written], { type: "application/json" }));
            link.download = `receipt-${id}.json`;
            link.click();
            URL.revokeObjectURL(link.href);
          }}
        >
          {text.privacy.keep}
        </button>
        <button
          type="button"
          onClick={() => {
            void queries.invalidateQueries({ queryKey: ["users", path.project] });
            close();
          }}
        >
          {text.close}
        </button>
      </div>
    </div>
  );
}
