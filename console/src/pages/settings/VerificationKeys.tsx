/** The keys that check who a site's users are: two at most, so that one can take the other's place. */
import { useState } from "react";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { Confirm } from "../../kit/Dialog";
import { messageOf } from "../../kit/states";
import { say } from "../../kit/toasts";
import { Time } from "../../kit/values";
import { text } from "../../text/en";
import { Secret } from "./Secret";

const PATH = "/v1/projects/{project}/settings/verification/keys";
const LISTS = ["setting-verification", "setting-chat"]; // they are of one document
const MOST = 2;

export function VerificationKeys({ of }: { of: Schemas["VerificationAnswer"] }) {
  const path = useProject();
  const [isAdding, add] = useState(false);
  const [doomed, doom] = useState<string | null>(null);
  const [secret, tell] = useState<string | null>(null);
  const make = useChanging(
    LISTS,
    (said: FormData) => {
      const publicKey = String(said.get("publicKey")).trim();
      const header = { "Idempotency-Key": crypto.randomUUID() };
      return call(api.POST(PATH, { params: { path, header }, body: publicKey ? { publicKey } : {} }));
    },
    (made) => {
      add(false);
      tell(made.secret);
      if (!made.secret) say(text.saved);
    },
  );
  const remove = useChanging(
    LISTS,
    (id: string) =>
      call(api.DELETE(`${PATH}/{id}`, { params: { path: { ...path, id }, header: { "If-Match": of.version } } })),
    () => doom(null),
  );
  return (
    <div className="stack section">
      <h3>{text.settings.checking}</h3>
      {of.keys.length === 0 && <p className="muted">{text.settings.noneChecks}</p>}
      <ul className="plain">
        {of.keys.map((key) => (
          <li key={key.id} className="row">
            <code>{key.id}</code> {key.algorithm}
            <span className="muted grow">
              <Time at={key.createdAt} />
            </span>
            <button type="button" className="danger" onClick={() => doom(key.id)}>
              {text.members.remove}
            </button>
          </li>
        ))}
      </ul>
      {of.keys.length < MOST && (
        <div>
          <button type="button" onClick={() => add(true)}>
            {text.settings.addChecking}
          </button>
        </div>
      )}
      {isAdding && (
        <Confirm
          title={text.settings.addChecking}
          action={text.apiKeys.make}
          isBusy={make.isPending}
          error={make.error && messageOf(make.error)}
          close={() => add(false)}
          confirm={make.mutate}
        >
          <label className="field">
            <span>{text.settings.publicKey}</span>
            <textarea name="publicKey" rows={4} maxLength={10_000} spellCheck={false} />
            <small className="muted">{text.settings.publicKeyHint}</small>
          </label>
        </Confirm>
      )}
      {doomed && (
        <Confirm
          title={text.settings.removeChecking}
          typed={doomed}
          action={text.members.remove}
          isBusy={remove.isPending}
          error={remove.error && messageOf(remove.error)}
          close={() => doom(null)}
          confirm={() => remove.mutate(doomed)}
        >
          <p>{text.settings.removesChecking}</p>
        </Confirm>
      )}
      {secret && <Secret text={secret} close={() => tell(null)} />}
    </div>
  );
}
