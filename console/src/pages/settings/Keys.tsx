/** Keys that senders and servers name: made, shown once, revoked. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { Confirm } from "../../kit/Dialog";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { say } from "../../kit/toasts";
import { Copy, Time, Value } from "../../kit/values";
import { text } from "../../text/en";
import { NewKey } from "./NewKey";
import { scopeName } from "./Scopes";
import { Secret } from "./Secret";

type Key = Schemas["ShownKey"];

export default function Keys() {
  const path = useProject();
  const [isMaking, make] = useState(false);
  const [secret, tell] = useState<string | null>(null);
  const [doomed, doom] = useState<Key | null>(null);
  const keys = useQuery({
    queryKey: ["keys", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/keys", { params: { path } })),
  });
  const revoke = useChanging(
    ["keys", "snippet"],
    ({ id, version }: Key) =>
      call(
        api.DELETE("/v1/projects/{project}/keys/{id}", {
          params: { path: { ...path, id }, header: { "If-Match": version } },
        }),
      ),
    () => doom(null),
  );
  if (keys.isPending) return <Skeleton lines={6} />;
  if (keys.isError) return <ErrorState error={keys.error} retry={keys.refetch} />;
  return (
    <div className="stack">
      <div>
        <button type="button" className="main" onClick={() => make(true)}>
          {text.apiKeys.new}
        </button>
      </div>
      {keys.data.keys.length === 0 ? (
        <p className="state">{text.apiKeys.none}</p>
      ) : (
        <div className="scroll-x">
          <table>
            <thead>
              <tr>
                <th>{text.users.name}</th>
                <th>{text.apiKeys.key}</th>
                <th>{text.roles.may}</th>
                <th>{text.apiKeys.made}</th>
                <th>{text.apiKeys.used}</th>
                <th>
                  <span className="unseen">{text.members.actions}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.data.keys.map((key) => (
                <Row key={key.id} of={key} revoke={() => doom(key)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {isMaking && (
        <NewKey
          close={() => make(false)}
          made={(told) => {
            make(false);
            tell(told);
            if (!told) say(text.saved);
          }}
        />
      )}
      {secret && <Secret text={secret} close={() => tell(null)} />}
      {doomed && (
        <Confirm
          title={`${text.apiKeys.revoke}: ${doomed.name || doomed.hint}`}
          typed={doomed.name || doomed.hint}
          action={text.apiKeys.revoke}
          isBusy={revoke.isPending}
          error={revoke.error && messageOf(revoke.error)}
          close={() => doom(null)}
          confirm={() => revoke.mutate(doomed)}
        >
          <p>{text.apiKeys.revokes}</p>
        </Confirm>
      )}
    </div>
  );
}

function Row({ of: key, revoke }: { of: Key; revoke: () => void }) {
  return (
    <tr>
      <td>
        <strong>
          <Value value={key.name} />
        </strong>
        <small className="muted block">{text.apiKeys.kinds[key.kind]}</small>
      </td>
      <td className="whole">
        {key.kind === "write" ? <Copy value={key.hint} name={text.apiKeys.key} /> : <code>{key.hint}</code>}
      </td>
      <td>{key.kind === "write" ? text.apiKeys.sends : allowed(key.scopes)}</td>
      <td>
        <Time at={key.createdAt} />
        <small className="muted block cut">{key.createdBy?.slice(0, 24)}</small>
      </td>
      <td>
        <Time at={key.lastUsedAt} />
      </td>
      <td>
        {key.revokedAt ? (
          <span className="muted">
            {text.apiKeys.revoked} <Time at={key.revokedAt} />
          </span>
        ) : (
          <button type="button" className="danger" onClick={revoke}>
            {text.apiKeys.revoke}
          </button>
        )}
      </td>
    </tr>
  );
}

function allowed(scopes: string[]): string {
  const all = Object.keys(text.scopes).every((scope) => scopes.includes(scope));
  return all ? text.apiKeys.all : scopes.map(scopeName).join(", ");
}
