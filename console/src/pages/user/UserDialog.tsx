/** One user, over the list: with an address of their own, and a tab for each side of them. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ApiError, call } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { Dialog } from "../../kit/Dialog";
import { ErrorState, Skeleton } from "../../kit/states";
import { Tabs } from "../../kit/Tabs";
import { Copy, Num, Status, Tag, Time, Value } from "../../kit/values";
import { text } from "../../text/en";
import { nameOf, type Profile } from "../users/columns";
import { AccessDialog } from "./AccessDialog";
import { Audit } from "./Audit";
import { Conversations } from "./Conversations";
import { Events } from "./Events";
import { Journey } from "./Journey";
import { Privacy } from "./Privacy";
import { Profile as ProfileTab } from "./Profile";
import { Configs, Messages } from "./Served";
import { Tags } from "./Tags";
import "./user.css";

const TABS = [
  { id: "profile", name: text.user.profile },
  { id: "conversations", name: text.user.conversations, scope: "events:read" },
  { id: "events", name: text.user.events, scope: "events:read" },
  { id: "journey", name: text.user.journey, scope: "events:read" },
  { id: "segments", name: text.user.segments },
  { id: "configs", name: text.served.configs, scope: "events:read" },
  { id: "messages", name: text.served.messages, scope: "events:read" },
  { id: "audit", name: text.user.audit, scope: "audit:read" },
  { id: "privacy", name: text.user.privacy },
];

export function useUser(id: string) {
  const path = { ...useProject(), id };
  return useQuery({
    queryKey: ["user", path.project, id],
    queryFn: () => call(api.GET("/v1/projects/{project}/users/{id}", { params: { path } })),
  });
}

export function UserDialog({ id, close }: { id: string; close: () => void }) {
  const user = useUser(id);
  const isUnknown = user.error instanceof ApiError && user.error.code === "unknown_user";
  return (
    <Dialog title={user.data ? nameOf(user.data) : id} close={close} wide>
      {user.isPending ? (
        <Skeleton lines={9} />
      ) : user.isError ? (
        isUnknown ? (
          <p className="state">{text.user.unknown}</p>
        ) : (
          <ErrorState error={user.error} retry={user.refetch} />
        )
      ) : (
        <Whole user={user.data} close={close} />
      )}
    </Dialog>
  );
}

function Whole({ user, close }: { user: Profile; close: () => void }) {
  const { can } = usePlace();
  const [tab, open] = useParameter("tab");
  const shown = TABS.filter((one) => !one.scope || can(one.scope));
  const here = shown.some((one) => one.id === tab) ? tab : "profile";
  return (
    <>
      <Head user={user} />
      <Tabs label={text.user.tabs} tabs={shown} open={here} choose={(id) => open(id, { replace: true })}>
        {here === "profile" && <ProfileTab user={user} />}
        {here === "conversations" && <Conversations id={user.id} />}
        {here === "events" && <Events id={user.id} />}
        {here === "journey" && <Journey id={user.id} />}
        {here === "segments" && <Segments id={user.id} />}
        {here === "configs" && <Configs id={user.id} />}
        {here === "messages" && <Messages id={user.id} />}
        {here === "audit" && <Audit id={user.id} />}
        {here === "privacy" && <Privacy user={user} close={close} />}
      </Tabs>
    </>
  );
}

function Head({ user }: { user: Profile }) {
  const { can } = usePlace();
  const [isAsked, ask] = useState(false);
  const isOut = user.status === "Deactivated";
  return (
    <div className="user-head">
      <div className="row">
        <Status status={user.status} />
        {user.stage && <Tag>{user.stage}</Tag>}
        <span className="grow" />
        {can("users:write") && (
          <button type="button" className={isOut ? undefined : "danger"} onClick={() => ask(true)}>
            {isOut ? text.user.reactivate : text.user.deactivate}
          </button>
        )}
      </div>
      <div className="row">
        <Copy value={user.id} name={text.user.id} />
        {user.customerId && <Copy value={user.customerId} name={text.users.customerId} />}
      </div>
      <Tags user={user} />
      <dl className="tiles">
        <Tile name={text.users.lastActive}>
          <Time at={user.lastActiveAt} />
        </Tile>
        <Tile name={text.users.created}>
          <Time at={user.createdAt} />
        </Tile>
        <Tile name={text.users.chats}>
          <Num value={user.conversations} />
        </Tile>
        <Tile name={text.user.answered}>
          <Num value={user.questions ? user.answered / user.questions : null} share />
        </Tile>
        <Tile name={text.users.satisfaction}>
          <Num value={user.satisfaction} share />
        </Tile>
        <Tile name={text.users.nps}>
          <Num value={user.nps} />
        </Tile>
      </dl>
      {isAsked && <AccessDialog user={user} close={() => ask(false)} />}
    </div>
  );
}

function Tile({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Segments({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const held = useQuery({
    queryKey: ["user-segments", path.project, id],
    queryFn: () => call(api.GET("/v1/projects/{project}/users/{id}/segments", { params: { path } })),
  });
  if (held.isPending) return <Skeleton />;
  if (held.isError) return <ErrorState error={held.error} retry={held.refetch} />;
  if (!held.data.segments.length) return <p className="state">{text.user.noSegments}</p>;
  return (
    <table>
      <thead>
        <tr>
          <th>{text.user.segment}</th>
          <th>{text.user.since}</th>
        </tr>
      </thead>
      <tbody>
        {held.data.segments.map((one) => (
          <tr key={one.id}>
            <td>
              <Value value={one.name} />
            </td>
            <td>
              <Time at={one.since} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
