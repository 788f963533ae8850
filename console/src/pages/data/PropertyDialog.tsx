/** A property, new or as it is: its type, its limits, and what it means. */
import { useState } from "react";
import { Confirm } from "../../kit/Dialog";
import { Field } from "../../kit/Field";
import { Both, Failed } from "../../kit/saving";
import { messageOf } from "../../kit/states";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";
import { LIMITS, type Properties, type Property, TYPES, useSavingProperty } from "./useProperties";

const FLAGS = ["required", "pii", "trusted"] as const;

interface Props {
  seen: Properties;
  property: Property | null;
  close: () => void;
}

export function PropertyDialog({ seen, property, close }: Props) {
  const [type, choose] = useState(property?.type ?? "text");
  const [name, call] = useState(property?.name ?? "");
  const saving = useSavingProperty(seen, name, (now, before) => {
    close();
    const back = () => saving.put(before.properties, now.version).catch((error) => say(messageOf(error)));
    say(text.saved, back);
  });
  const isTaken = !property && seen.properties.some((one) => one.name === name.trim());
  const there = saving.theirs?.properties.find((one) => one.name === name);
  return (
    <Confirm
      title={property ? `${text.user.edit}: ${property.name}` : text.data.newProperty}
      action={saving.theirs ? text.user.overwrite : text.save}
      isBusy={saving.isBusy || isTaken}
      close={close}
      confirm={(said) => saving.save(read(said, name, type))}
    >
      {property ? (
        <code>{property.name}</code>
      ) : (
        <Field
          label={text.users.name}
          hint={text.data.nameHint}
          name="name"
          required
          maxLength={255}
          value={name}
          error={isTaken ? text.data.isThere : undefined}
          onChange={(event) => call(event.target.value)}
        />
      )}
      <label className="field">
        <span>{text.data.type}</span>
        <select value={type} onChange={(event) => choose(event.target.value as Property["type"])}>
          {TYPES.map((one) => (
            <option key={one} value={one}>
              {text.data.types[one]}
            </option>
          ))}
        </select>
      </label>
      <div className="pair">
        {LIMITS[type]?.map((limit) => (
          <Field
            key={limit}
            name={limit}
            label={text.data.limits[limit]}
            type="number"
            step={limit.endsWith("Value") ? "any" : 1}
            min={limit.endsWith("Value") ? undefined : 0}
            defaultValue={property?.[limit] ?? ""}
          />
        ))}
      </div>
      <Field
        label={text.data.description}
        name="description"
        maxLength={500}
        defaultValue={property?.description ?? ""}
      />
      <fieldset className="choices">
        <legend>{text.data.rules}</legend>
        {FLAGS.map((flag) => (
          <label key={flag}>
            <input type="checkbox" name={flag} defaultChecked={property?.[flag]} /> {text.data.flags[flag]}
          </label>
        ))}
      </fieldset>
      {saving.theirs && (
        <Both theirs={there ? summary(there) : text.none} mine={saving.mine ? summary(saving.mine) : text.none} />
      )}
      <Failed error={saving.error} />
    </Confirm>
  );
}

export function summary(one: Property): string {
  const limits = LIMITS[one.type]?.filter((limit) => one[limit] !== undefined && one[limit] !== null) ?? [];
  return [
    text.data.types[one.type],
    one.required && text.data.required,
    one.pii && text.data.pii,
    one.trusted && text.data.trusted,
    ...limits.map((limit) => `${text.data.limits[limit].toLowerCase()} ${one[limit]}`),
  ]
    .filter(Boolean)
    .join(", ");
}

function read(said: FormData, name: string, type: Property["type"]): Property {
  const limits = (LIMITS[type] ?? []).filter((limit) => said.get(limit));
  return {
    name: name.trim(),
    type,
    description: String(said.get("description")),
    ...Object.fromEntries(FLAGS.map((flag) => [flag, said.get(flag) === "on"])),
    ...Object.fromEntries(limits.map((limit) => [limit, Number(said.get(limit))])),
  };
}
