/** A new user: the default properties, and the project's own as it has defined them. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useLocation } from "wouter";
import { api, type ApiError, call } from "../../api/client";
import { useProject } from "../../app/session";
import { Dialog } from "../../kit/Dialog";
import { Field } from "../../kit/Field";
import { messageOf } from "../../kit/states";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";
import { type Property, useProperties } from "../data/useProperties";

const STANDARD = ["id", "email", "firstName", "lastName", "phone", "company", "plan", "customerId"] as const;
const LISTS = ["texts", "numbers"];

export function NewUser({ close }: { close: () => void }) {
  const path = useProject();
  const queries = useQueryClient();
  const [, go] = useLocation();
  const defined = useProperties();
  const properties = (defined.data?.properties ?? []).filter(
    (one) => !(STANDARD as readonly string[]).includes(one.name),
  );
  const make = useMutation<void, ApiError, Record<string, unknown>>({
    mutationFn: async (body) => {
      const made = await call(api.POST("/v1/projects/{project}/users", { params: { path }, body: body as never }));
      await queries.invalidateQueries({ queryKey: ["users", path.project] });
      say(text.users.made);
      close();
      if (made && typeof made === "object" && "id" in made) go(`/${encodeURIComponent(String(made.id))}`);
    },
  });
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const body: Record<string, unknown> = {};
    for (const name of STANDARD) if (said.get(name)) body[name] = said.get(name);
    const traits: Record<string, unknown> = {};
    for (const one of properties) {
      const value = valueOf(one, String(said.get(`traits.${one.name}`) ?? ""));
      if (value !== undefined) traits[one.name] = value;
    }
    make.mutate(Object.keys(traits).length ? { ...body, traits } : body);
  }
  return (
    <Dialog title={text.users.new} close={close}>
      <form className="stack" onSubmit={submit}>
        {STANDARD.map((name) => (
          <Field
            key={name}
            name={name}
            label={text.users.fields[name]}
            hint={name === "id" ? text.users.idHint : undefined}
            type={name === "email" ? "email" : "text"}
            error={make.error?.at(name) ?? make.error?.at(`traits.${name}`)}
          />
        ))}
        {properties.length > 0 && <h3>{text.users.own}</h3>}
        {properties.map((one) => (
          <PropertyField
            key={one.name}
            property={one}
            error={make.error?.at(`traits.${one.name}`) ?? make.error?.at(one.name)}
          />
        ))}
        {make.error && (
          <p className="bad" role="alert">
            {messageOf(make.error)}
          </p>
        )}
        <div className="row end">
          <button type="submit" className="main" disabled={make.isPending}>
            {text.users.make}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function PropertyField({ property, error }: { property: Property; error?: string }) {
  const { name, type, required, description, ...bounds } = property;
  if (type === "boolean") {
    return (
      <label className="field">
        <span>{name}</span>
        <select name={`traits.${name}`} required={required}>
          <option value="">–</option>
          <option value="true">{text.yes}</option>
          <option value="false">{text.no}</option>
        </select>
      </label>
    );
  }
  const kind =
    type === "number"
      ? { type: "number", step: "any", min: bounds.minValue, max: bounds.maxValue }
      : type === "date"
        ? { type: "date" }
        : {};
  const size = type === "text" ? { minLength: bounds.minLength, maxLength: bounds.maxLength } : {};
  const hint = [description, LISTS.includes(type) && text.users.listHint, type === "geo" && text.users.geoHint]
    .filter(Boolean)
    .join(" · ");
  return (
    <Field
      name={`traits.${name}`}
      label={name}
      required={required}
      hint={hint || undefined}
      error={error}
      {...kind}
      {...size}
    />
  );
}

/** As its type has it; undefined for what was left empty. */
function valueOf({ type }: Property, written: string): unknown {
  if (written.trim() === "") return undefined;
  if (type === "number") return Number(written);
  if (type === "boolean") return written === "true";
  if (type === "texts") return written.split(",").map((one) => one.trim());
  if (type === "numbers") return written.split(",").map(Number);
  if (type === "geo") {
    const [lat, lon] = written.split(",").map(Number);
    return { lat, lon };
  }
  return written;
}
