/** Who may sign in: invited, given another role, let in anew, removed. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, call, type Schemas } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { Confirm, Dialog } from "../../kit/Dialog";
import { Field } from "../../kit/Field";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { say } from "../../kit/toasts";
import { Copy, Time, Value } from "../../kit/values";
import { text } from "../../text/en";
import { useRoles } from "./useRoles";

type Member = Schemas["ShownMember"];
interface Link {
  link: string;
  mailed: boolean | null;
  email: string;
}
type Open = { what: "remove" | "reset"; member: Member } | { what: "invite" } | null;

const ONE = "/v1/projects/{project}/members/{id}";
const LISTS = ["members"];

export default function Members() {
  const path = useProject();
  const { session } = usePlace();
  const [open, setOpen] = useState<Open>(null);
  const [link, setLink] = useState<Link | null>(null);
  const members = useQuery({
    queryKey: ["members", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/members", { params: { path } })),
  });
  const roles = useRoles();
  const at = (id: string) => ({ params: { path: { ...path, id } } });
  const change = useChanging(
    LISTS,
    ({ id, role }: { id: string; role: string }) => call(api.PATCH(ONE, { ...at(id), body: { role } })),
    () => say(text.saved),
  );
  const remove = useChanging(
    LISTS,
    (id: string) => call(api.DELETE(ONE, at(id))),
    () => setOpen(null),
  );
  const reset = useChanging(
    LISTS,
    ({ id }: Member) => call(api.POST(`${ONE}/reset`, at(id))),
    (made, { email }) => {
      setLink({ ...made, email });
      setOpen(null);
    },
  );
  if (members.isPending) return <Skeleton lines={6} />;
  if (members.isError) return <ErrorState error={members.error} retry={members.refetch} />;
  return (
    <div className="stack">
      <div>
        <button type="button" className="main" onClick={() => setOpen({ what: "invite" })}>
          {text.members.invite}
        </button>
      </div>
      <div className="scroll-x">
        <table>
          <thead>
            <tr>
              <th>{text.members.who}</th>
              <th>{text.members.role}</th>
              <th>{text.members.lastSignIn}</th>
              <th>{text.account.codes}</th>
              <th>
                <span className="unseen">{text.members.actions}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {members.data.members.map((member) => (
              <tr key={member.id}>
                <td>
                  <strong>{member.name || member.email || text.members.firstOwner}</strong>
                  <br />
                  <small className="muted">
                    {member.name && member.email} {member.id === session.member.id && text.members.you}
                  </small>
                </td>
                <td>
                  <select
                    className="narrow"
                    aria-label={`${text.members.role}: ${member.email}`}
                    value={member.role}
                    disabled={change.isPending}
                    onChange={(event) =>
                      change.mutate(
                        { id: member.id, role: event.target.value },
                        { onError: (error) => say(messageOf(error)) },
                      )
                    }
                  >
                    {(roles.data?.roles ?? [{ id: member.role, name: member.role }]).map((role) => (
                      <option key={role.id} value={role.id}>
                        {role.name}
                      </option>
                    ))}
                  </select>
                  {member.everywhere && <small className="muted"> {text.members.everywhere}</small>}
                </td>
                <td>{member.status === "invited" ? text.members.invited : <Time at={member.lastSignInAt} />}</td>
                <td>
                  <Value value={member.hasCode ? text.members.on : null} />
                </td>
                <td>
                  <span className="row end">
                    <button type="button" onClick={() => setOpen({ what: "reset", member })}>
                      {text.members.reset}
                    </button>
                    <button type="button" className="danger" onClick={() => setOpen({ what: "remove", member })}>
                      {text.members.remove}
                    </button>
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {open?.what === "invite" && (
        <Invite
          close={() => setOpen(null)}
          invited={({ link, mailed, member }) => {
            setOpen(null);
            if (link) setLink({ link, mailed, email: member.email });
            else say(text.members.hasAccount);
          }}
        />
      )}
      {open?.what === "remove" && (
        <Confirm
          title={text.members.remove}
          typed={open.member.email || open.member.id}
          action={text.members.remove}
          isBusy={remove.isPending}
          error={remove.error && messageOf(remove.error)}
          close={() => setOpen(null)}
          confirm={() => remove.mutate(open.member.id)}
        >
          <p>{text.members.removes}</p>
        </Confirm>
      )}
      {open?.what === "reset" && (
        <Confirm
          title={text.members.reset}
          action={text.members.reset}
          isBusy={reset.isPending}
          error={reset.error && messageOf(reset.error)}
          close={() => setOpen(null)}
          confirm={() => reset.mutate(open.member)}
        >
          <p>{text.members.resets(open.member.email)}</p>
        </Confirm>
      )}
      {link && (
        <Dialog title={text.members.link} close={() => setLink(null)}>
          <div className="stack">
            {link.mailed && <p>{text.members.mailed(link.email)}</p>}
            {link.mailed === false && <p className="bad">{text.members.notMailed(link.email)}</p>}
            <p>{link.mailed ? text.members.linkOnce : text.members.linkSays}</p>
            <Copy value={link.link} name={text.members.link} />
          </div>
        </Dialog>
      )}
    </div>
  );
}

function Invite({ close, invited }: { close: () => void; invited: (made: Schemas["Invited"]) => void }) {
  const path = useProject();
  const roles = useRoles();
  const invite = useChanging(
    LISTS,
    (said: FormData) => {
      const body = { email: String(said.get("email")), role: String(said.get("role")) };
      return call(api.POST("/v1/projects/{project}/members", { params: { path }, body }));
    },
    invited,
  );
  return (
    <Confirm
      title={text.members.invite}
      action={text.members.invite}
      isBusy={invite.isPending}
      error={invite.error && messageOf(invite.error)}
      close={close}
      confirm={invite.mutate}
    >
      <Field label={text.signIn.email} name="email" type="email" required error={invite.error?.at("email")} />
      <label className="field">
        <span>{text.members.role}</span>
        <select name="role" defaultValue="support">
          {roles.data?.roles.map((role) => (
            <option key={role.id} value={role.id}>
              {role.name}
            </option>
          ))}
        </select>
      </label>
    </Confirm>
  );
}
