/** What is known of a user, changed where it stands; each trait has its history. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, ApiError, call } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { Time, Value } from "../../kit/values";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";
import type { Profile as User } from "../users/columns";
import { usePins } from "./pins";

const STANDARD = [
  "email",
  "name",
  "firstName",
  "lastName",
  "phone",
  "company",
  "plan",
  "role",
  "customerId",
  "address",
] as const;

interface Line {
  name: string; // as it is shown
  path: string; // as filters and histories name it
  value: unknown;
  body: (value: unknown) => Record<string, unknown>; // of the change
}

export function Profile({ user }: { user: User }) {
  const [search, find] = useState("");
  const [pins, pin] = usePins();
  const standard: Line[] = STANDARD.map((name) => ({
    name: text.users.fields[name],
    path: name,
    value: user[name],
    body: (value) => ({ [name]: value }),
  }));
  const traits: Line[] = Object.entries(user.traits)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value]) => ({
      name,
      path: `traits.${name.replaceAll(".", "\\.")}`,
      value,
      body: (value) => ({ traits: { [name]: value } }),
    }));
  const own = traits.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()));
  const pinned = [...standard, ...traits].filter(({ path }) => pins.has(path));
  const shown = { user, pins, pin };
  return (
    <div className="profile">
      {pinned.length > 0 && (
        <section className="whole">
          <h3>{text.user.pinned}</h3>
          <Lines lines={pinned} {...shown} />
        </section>
      )}
      <section>
        <h3>{text.user.standard}</h3>
        <Lines lines={standard} {...shown} />
      </section>
      <section>
        <div className="row">
          <h3 className="grow">{text.users.own}</h3>
          {Object.keys(user.traits).length > 8 && (
            <input
              type="search"
              className="narrow"
              aria-label={text.user.findTrait}
              placeholder={text.user.findTrait}
              value={search}
              onChange={(event) => find(event.target.value)}
            />
          )}
        </div>
        {own.length ? <Lines lines={own} {...shown} /> : <p className="muted">{text.user.noTraits}</p>}
      </section>
    </div>
  );
}

interface LinesProps {
  lines: Line[];
  user: User;
  pins: ReadonlySet<string>;
  pin: (path: string) => void;
}

function Lines({ lines, user, pins, pin }: LinesProps) {
  const { can } = usePlace();
  const [open, setOpen] = useState<{ path: string; what: "edit" | "history" } | null>(null);
  return (
    <dl className="lines">
      {lines.map((line) => (
        <div key={line.path}>
          <dt>{line.name}</dt>
          <dd>
            <span className="grow">
              <Value value={line.value} />
            </span>
            <button
              type="button"
              className="quiet small"
              aria-label={`${text.user.pin}: ${line.name}`}
              aria-pressed={pins.has(line.path)}
              onClick={() => pin(line.path)}
            >
              {text.user.pin}
            </button>
            <button
              type="button"
              className="quiet small"
              aria-label={`${text.user.history}: ${line.name}`}
              aria-expanded={open?.path === line.path && open.what === "history"}
              onClick={() =>
                setOpen(
                  open?.path === line.path && open.what === "history" ? null : { path: line.path, what: "history" },
                )
              }
            >
              {text.user.history}
            </button>
            {can("users:write") && (
              <button
                type="button"
                className="quiet small"
                aria-label={`${text.user.edit}: ${line.name}`}
                onClick={() => setOpen({ path: line.path, what: "edit" })}
              >
                {text.user.edit}
              </button>
            )}
          </dd>
          {open?.path === line.path && open.what === "edit" && (
            <Edit line={line} user={user} close={() => setOpen(null)} />
          )}
          {open?.path === line.path && open.what === "history" && <History id={user.id} trait={line.path} />}
        </div>
      ))}
    </dl>
  );
}

/** If somebody else was first, both are shown, and what was typed stays. */
function Edit({ line, user, close }: { line: Line; user: User; close: () => void }) {
  const path = { ...useProject(), id: user.id };
  const queries = useQueryClient();
  const [theirs, setTheirs] = useState<User | null>(null);
  const version = theirs?.version ?? user.version;
  const save = useMutation<void, ApiError, unknown>({
    mutationFn: async (value) => {
      await call(
        api.PATCH("/v1/projects/{project}/users/{id}", {
          params: { path, header: { "If-Match": version } },
          body: line.body(value) as never,
        }),
      );
      await queries.invalidateQueries({ queryKey: ["user", path.project, user.id] });
      void queries.invalidateQueries({ queryKey: ["users", path.project] });
      say(text.saved);
      close();
    },
    onError: (error) => {
      if (error.code === "moved_on") setTheirs((error.body.current as User | null) ?? null);
    },
  });
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    save.mutate(read(String(new FormData(event.currentTarget).get("value")), line.value));
  }
  return (
    <form className="stack edit" onSubmit={submit}>
      <input name="value" aria-label={line.name} defaultValue={write(line.value)} autoFocus autoComplete="off" />
      <small className="muted">{text.user.editHint}</small>
      {theirs && (
        <div className="notice" role="alert">
          <p>
            {text.errors.moved} {text.user.theirs} <Value value={valueIn(theirs, line)} />
          </p>
        </div>
      )}
      {save.error && !theirs && (
        <p className="bad" role="alert">
          {messageOf(save.error)}
        </p>
      )}
      <div className="row">
        <button type="submit" className="main" disabled={save.isPending}>
          {theirs ? text.user.overwrite : text.save}
        </button>
        <button type="button" onClick={close}>
          {text.cancel}
        </button>
      </div>
    </form>
  );
}

function History({ id, trait }: { id: string; trait: string }) {
  const path = { ...useProject(), id };
  const history = useQuery({
    queryKey: ["history", path.project, id, trait],
    queryFn: () => call(api.GET("/v1/projects/{project}/users/{id}/history", { params: { path, query: { trait } } })),
  });
  if (history.isPending) return <Skeleton lines={2} />;
  if (history.isError) return <ErrorState error={history.error} retry={history.refetch} />;
  if (!history.data.values.length) return <p className="muted">{text.user.noHistory}</p>;
  return (
    <table className="history">
      <tbody>
        {history.data.values.map((one) => (
          <tr key={`${one.id}${one.at}`}>
            <td>
              <Value value={one.value} />
            </td>
            <td>
              <Time at={one.at} whole />
            </td>
            <td className="muted">{one.actor ?? text.user.page}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function valueIn(user: User, line: Line): unknown {
  return line.path.startsWith("traits.") ? user.traits[line.name] : user[line.path as "email"];
}

function write(value: unknown): string {
  return value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

/** Of the kind that it had: text stays text, also where it looks like a number; nothing unsets it. */
function read(written: string, before: unknown): unknown {
  if (written === "") return null;
  if (typeof before === "string") return written;
  try {
    return JSON.parse(written) as unknown;
  } catch {
    return written;
  }
}
