/** What members may be: the roles that are built in, and the project's own. */
import { useState } from "react";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { Confirm } from "../../kit/Dialog";
import { Field } from "../../kit/Field";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { text } from "../../text/en";
import { useRoles } from "./useRoles";
import { scopeName, Scopes } from "./Scopes";

type Role = Schemas["ShownRole"];

const ONE = "/v1/projects/{project}/roles/{id}";
const LISTS = ["roles"];

export default function Roles() {
  const path = useProject();
  const roles = useRoles();
  const [edited, edit] = useState<Partial<Role> | null>(null);
  const [doomed, doom] = useState<Role | null>(null);
  const remove = useChanging(
    LISTS,
    (id: string) => call(api.DELETE(ONE, { params: { path: { ...path, id } } })),
    () => doom(null),
  );
  if (roles.isPending) return <Skeleton lines={6} />;
  if (roles.isError) return <ErrorState error={roles.error} retry={roles.refetch} />;
  return (
    <div className="stack">
      <div>
        <button type="button" className="main" onClick={() => edit({})}>
          {text.roles.new}
        </button>
      </div>
      <div className="scroll-x">
        <table>
          <thead>
            <tr>
              <th>{text.members.role}</th>
              <th>{text.roles.may}</th>
              <th>
                <span className="unseen">{text.members.actions}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {roles.data.roles.map((role) => (
              <tr key={role.id}>
                <td>
                  <strong>{role.name}</strong>
                </td>
                <td>{role.scopes.map(scopeName).join(", ")}</td>
                <td>
                  {!role.builtIn && (
                    <span className="row end">
                      <button type="button" onClick={() => edit(role)}>
                        {text.user.edit}
                      </button>
                      <button type="button" className="danger" onClick={() => doom(role)}>
                        {text.roles.delete}
                      </button>
                    </span>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {edited && <Edit role={edited} close={() => edit(null)} />}
      {doomed && (
        <Confirm
          title={`${text.roles.delete}: ${doomed.name}`}
          action={text.roles.delete}
          isBusy={remove.isPending}
          error={remove.error && messageOf(remove.error)}
          close={() => doom(null)}
          confirm={() => remove.mutate(doomed.id)}
        >
          <p>{text.roles.deletes}</p>
        </Confirm>
      )}
    </div>
  );
}

function Edit({ role, close }: { role: Partial<Role>; close: () => void }) {
  const path = useProject();
  const save = useChanging(
    LISTS,
    (said: FormData) => {
      const name = String(said.get("name"));
      const id = role.id ?? idOf(name);
      const scopes = said.getAll("scope") as Schemas["RoleEdit"]["scopes"];
      return call(api.PUT(ONE, { params: { path: { ...path, id } }, body: { name, scopes } }));
    },
    close,
  );
  return (
    <Confirm
      title={role.id ? text.user.edit : text.roles.new}
      action={text.save}
      isBusy={save.isPending}
      error={save.error && messageOf(save.error)}
      close={close}
      confirm={save.mutate}
    >
      <Field label={text.users.name} name="name" defaultValue={role.name} required maxLength={200} />
      <Scopes chosen={role.scopes} />
    </Confirm>
  );
}

/** What is left of the name in the letters that an id may have. */
function idOf(name: string): string {
  const letters = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return letters.slice(0, 50) || `role-${Date.now()}`;
}
