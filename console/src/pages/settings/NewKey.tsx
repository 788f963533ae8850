/** A new key: for pages, or for a server with what it may do. */
import { useState } from "react";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { Confirm } from "../../kit/Dialog";
import { Field } from "../../kit/Field";
import { messageOf } from "../../kit/states";
import { text } from "../../text/en";
import { Scopes } from "./Scopes";

type Asked = Schemas["NewKey"];

const KINDS = ["secret", "write"] as const;

export function NewKey({ close, made }: { close: () => void; made: (secret: string | null) => void }) {
  const path = useProject();
  const [kind, choose] = useState<Asked["kind"]>("secret");
  const create = useChanging(
    ["keys", "snippet"],
    (said: FormData) => {
      const scopes = said.getAll("scope") as Asked["scopes"];
      const body = { name: String(said.get("name")), kind, ...(kind === "secret" && { scopes }) };
      return call(api.POST("/v1/projects/{project}/keys", { params: { path }, body }));
    },
    (answer) => made(answer.secret),
  );
  return (
    <Confirm
      title={text.apiKeys.new}
      action={text.apiKeys.make}
      isBusy={create.isPending}
      error={create.error && messageOf(create.error)}
      close={close}
      confirm={create.mutate}
    >
      <Field
        label={text.users.name}
        hint={text.apiKeys.nameHint}
        name="name"
        required
        maxLength={200}
        error={create.error?.at("name")}
      />
      <fieldset className="choices">
        <legend>{text.apiKeys.kind}</legend>
        {KINDS.map((one) => (
          <label key={one}>
            <input type="radio" name="kind" checked={one === kind} onChange={() => choose(one)} />{" "}
            {text.apiKeys.kindsSay[one]}
          </label>
        ))}
      </fieldset>
      {kind === "secret" && <Scopes />}
    </Confirm>
  );
}
