/** Stages: where users are. Names and rules are the project's, their order stays. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, call, type Schemas } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { Confirm } from "../../kit/Dialog";
import { Field } from "../../kit/Field";
import { Both, Failed, useSaving } from "../../kit/saving";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";
import { FilterBuilder } from "../users/FilterBuilder";
import { type Filter, sentence } from "../users/filters";
import "../users/users.css";

type All = Schemas["StageList"];
type Stage = Schemas["StageAnswer"];

const PATH = "/v1/projects/{project}/stages";
const EVERYONE = { all: [] };
const NOT_ASKED = ["stage" as const, "did" as const]; // a stage follows from what is known of a user alone

export function Stages() {
  const { can } = usePlace();
  const path = useProject();
  const [edited, edit] = useState<Stage | null>(null);
  const stages = useQuery({
    queryKey: ["stages", path.project],
    queryFn: () => call(api.GET(PATH, { params: { path } })),
  });
  return (
    <section className="section" aria-labelledby="stages">
      <h2 id="stages">{text.segments.stages}</h2>
      <p className="muted">{text.segments.stagesSay}</p>
      {stages.isPending ? (
        <Skeleton lines={4} />
      ) : stages.isError ? (
        <ErrorState error={stages.error} retry={stages.refetch} />
      ) : (
        <ol className="plain">
          {stages.data.stages.map((stage) => (
            <li key={stage.id} className="row">
              <span className="grow">
                <strong>{stage.name}</strong> <span className="muted">{sentence(stage.filter)}</span>
              </span>
              {can("segments:write") && (
                <button type="button" aria-label={`${text.user.edit}: ${stage.name}`} onClick={() => edit(stage)}>
                  {text.user.edit}
                </button>
              )}
            </li>
          ))}
        </ol>
      )}
      {edited && stages.data && <Edit seen={stages.data} stage={edited} close={() => edit(null)} />}
    </section>
  );
}

function Edit({ seen, stage, close }: { seen: All; stage: Stage; close: () => void }) {
  const path = useProject();
  const queries = useQueryClient();
  const [filter, setFilter] = useState<Filter>(stage.filter);
  const [isBuilding, build] = useState(false);
  async function put(stages: Stage[], version: string): Promise<All> {
    const header = { "If-Match": version };
    const now = await call(api.PUT(PATH, { params: { path, header }, body: { stages } }));
    queries.setQueryData(["stages", path.project], now);
    void queries.invalidateQueries({ queryKey: ["users", path.project] });
    return now;
  }
  const saving = useSaving<All, Stage>(
    seen,
    (mine, from) =>
      put(
        from.stages.map((one) => (one.id === mine.id ? mine : one)),
        from.version,
      ),
    (now, before) => {
      close();
      say(text.saved, () => put(before.stages, now.version).catch((error) => say(messageOf(error))));
    },
  );
  const there = saving.theirs?.stages.find((one) => one.id === stage.id);
  return (
    <>
      <Confirm
        title={`${text.user.edit}: ${stage.name}`}
        action={saving.theirs ? text.user.overwrite : text.save}
        isBusy={saving.isBusy}
        close={close}
        confirm={(said) => saving.save({ id: stage.id, name: String(said.get("name")).trim(), filter })}
      >
        <Field label={text.users.name} name="name" required maxLength={200} defaultValue={stage.name} />
        <div>
          <strong>{text.segments.rule}</strong>
          <p>{sentence(filter)}</p>
        </div>
        <div>
          <button type="button" onClick={() => build(true)}>
            {text.segments.changeRule}
          </button>
        </div>
        {saving.theirs && (
          <Both theirs={there ? said(there) : text.none} mine={saving.mine ? said(saving.mine) : null} />
        )}
        <Failed error={saving.error} />
      </Confirm>
      {isBuilding && (
        <FilterBuilder
          filter={filter}
          without={NOT_ASKED}
          action={text.segments.useRule}
          apply={(made) => {
            setFilter(made ?? EVERYONE);
            build(false);
          }}
          close={() => build(false)}
        />
      )}
    </>
  );
}

function said({ name, filter }: Stage): string {
  return `${name}: ${sentence(filter)}`;
}
