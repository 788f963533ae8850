/** What a project's traits are: defined, changed and taken away. */
import { useState } from "react";
import { usePlace } from "../../app/session";
import { Confirm } from "../../kit/Dialog";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { say } from "../../kit/toasts";
import { Value } from "../../kit/values";
import { text } from "../../text/en";
import { type Properties as Seen, type Property, useProperties, useSavingProperty } from "./useProperties";
import { PropertyDialog, summary } from "./PropertyDialog";

export default function Properties() {
  const { can } = usePlace();
  const [edited, edit] = useState<Property | "new" | null>(null);
  const [doomed, doom] = useState<Property | null>(null);
  const properties = useProperties();
  const mayChange = can("settings:write");
  if (properties.isPending) return <Skeleton lines={6} />;
  if (properties.isError) return <ErrorState error={properties.error} retry={properties.refetch} />;
  const all = properties.data.properties;
  return (
    <div className="stack">
      {mayChange && (
        <div>
          <button type="button" className="main" onClick={() => edit("new")}>
            {text.data.newProperty}
          </button>
        </div>
      )}
      {all.length === 0 ? (
        <p className="state">{text.data.noProperties}</p>
      ) : (
        <div className="scroll-x">
          <table>
            <thead>
              <tr>
                <th>{text.users.name}</th>
                <th>{text.data.rules}</th>
                <th>{text.data.description}</th>
                {mayChange && (
                  <th>
                    <span className="unseen">{text.members.actions}</span>
                  </th>
                )}
              </tr>
            </thead>
            <tbody>
              {all.map((one) => (
                <tr key={one.name}>
                  <td>
                    <code>{one.name}</code>
                  </td>
                  <td>{summary(one)}</td>
                  <td>
                    <Value value={one.description} />
                  </td>
                  {mayChange && (
                    <td>
                      <span className="row end">
                        <button type="button" onClick={() => edit(one)} aria-label={`${text.user.edit}: ${one.name}`}>
                          {text.user.edit}
                        </button>
                        <button
                          type="button"
                          className="danger"
                          onClick={() => doom(one)}
                          aria-label={`${text.members.remove}: ${one.name}`}
                        >
                          {text.members.remove}
                        </button>
                      </span>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {edited && (
        <PropertyDialog seen={properties.data} property={edited === "new" ? null : edited} close={() => edit(null)} />
      )}
      {doomed && <Remove seen={properties.data} name={doomed.name} close={() => doom(null)} />}
    </div>
  );
}

function Remove({ seen, name, close }: { seen: Seen; name: string; close: () => void }) {
  const saving = useSavingProperty(seen, name, () => {
    close();
    say(text.data.removed);
  });
  return (
    <Confirm
      title={`${text.members.remove}: ${name}`}
      typed={name}
      action={text.members.remove}
      isBusy={saving.isBusy}
      error={saving.theirs ? text.errors.moved : saving.error && messageOf(saving.error)}
      close={close}
      confirm={() => saving.save(null)}
    >
      <p>{text.data.removes}</p>
    </Confirm>
  );
}
