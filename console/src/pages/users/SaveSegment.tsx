/** The filter under a name: a segment, which is live from then on. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type ApiError, call } from "../../api/client";
import { useProject } from "../../app/session";
import { Dialog } from "../../kit/Dialog";
import { Field } from "../../kit/Field";
import { messageOf } from "../../kit/states";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";
import { type Filter, sentence } from "./filters";

interface Props {
  filter: Filter;
  saved: (id: string) => void;
  close: () => void;
}

export function SaveSegment({ filter, saved, close }: Props) {
  const path = useProject();
  const queries = useQueryClient();
  const save = useMutation<void, ApiError, string>({
    mutationFn: async (name) => {
      const made = await call(
        api.POST("/v1/projects/{project}/segments", { params: { path }, body: { name, filter } }),
      );
      await queries.invalidateQueries({ queryKey: ["segments", path.project] });
      saved(made.id);
      say(text.saved);
      close();
    },
  });
  return (
    <Dialog title={text.users.saveSegment} close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(String(new FormData(event.currentTarget).get("name")));
        }}
      >
        <p>{sentence(filter)}</p>
        <Field label={text.users.name} name="name" required maxLength={200} />
        {save.error && <p className="bad">{messageOf(save.error)}</p>}
        <div className="row end">
          <button type="submit" className="main" disabled={save.isPending}>
            {text.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
