/** Saved views beside segments: each is one press away, and is kept anew when it was changed. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type ApiError, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { Dialog } from "../../kit/Dialog";
import { Field } from "../../kit/Field";
import { messageOf } from "../../kit/states";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";

export type View = Schemas["ViewAnswer"];
type Fields = Schemas["ViewFields"];

export function useViews() {
  const path = useProject();
  return useQuery({
    queryKey: ["views", path.project],
    queryFn: async () => (await call(api.GET("/v1/projects/{project}/views", { params: { path } }))).views,
  });
}

/** The address of the list as the view has it. */
export function addressOf(view: View): string {
  const said = {
    view: view.id,
    search: view.search,
    segment: view.segment,
    filter: view.filter ? JSON.stringify(view.filter) : "",
    sort: view.sort,
    columns: view.columns.join(","),
  };
  return `/?${new URLSearchParams(Object.entries(said).filter(([, value]) => value))}`;
}

interface Props {
  /** Which is open, if any is. */
  view: View | undefined;
  /** What the list looks like now. */
  now: Omit<Fields, "name">;
  open: (view: View | null) => void;
  close: () => void;
}

export function SaveView({ view, now, open, close }: Props) {
  const path = useProject();
  const queries = useQueryClient();
  const [name, setName] = useState(view?.name ?? "");
  const done = async (saved: View | null) => {
    await queries.invalidateQueries({ queryKey: ["views", path.project] });
    open(saved);
    say(saved ? text.saved : text.views.deleted);
    close();
  };
  const one = { path: { ...path, id: view?.id ?? "" }, header: { "If-Match": view?.version ?? "*" } };
  const save = useMutation<void, ApiError, "new" | "change" | "delete">({
    mutationFn: async (how) => {
      const body = { ...now, name };
      if (how === "new") await done(await call(api.POST("/v1/projects/{project}/views", { params: { path }, body })));
      else if (how === "change")
        await done(await call(api.PUT("/v1/projects/{project}/views/{id}", { params: one, body })));
      else {
        await call(api.DELETE("/v1/projects/{project}/views/{id}", { params: one }));
        await done(null);
      }
    },
    onError: () => queries.invalidateQueries({ queryKey: ["views", path.project] }),
  });
  return (
    <Dialog title={text.views.save} close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(view ? "change" : "new");
        }}
      >
        <p className="muted">{text.views.what}</p>
        <Field
          label={text.users.name}
          name="name"
          required
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={save.error?.at("name")}
        />
        {save.error && (
          <p className="bad" role="alert">
            {messageOf(save.error)}
          </p>
        )}
        <div className="row end">
          {view && (
            <>
              <button type="button" className="danger" disabled={save.isPending} onClick={() => save.mutate("delete")}>
                {text.views.delete}
              </button>
              <span className="grow" />
              <button type="button" disabled={save.isPending || !name} onClick={() => save.mutate("new")}>
                {text.views.saveNew}
              </button>
            </>
          )}
          <button type="submit" className="main" disabled={save.isPending}>
            {view ? text.views.change : text.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
