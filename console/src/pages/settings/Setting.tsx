/** One setting: what it is now, what it means, and a form that changes it, with a way back. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { useProject } from "../../app/session";
import { Confirm } from "../../kit/Dialog";
import { Both, Failed, useSaving, type Versioned } from "../../kit/saving";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";

export interface Kind<Seen extends Versioned, Value> {
  id: string; // of the query
  name: string;
  says: string;
  read: () => Promise<Seen>;
  put: (value: Value, version: string) => Promise<Seen>;
  valueOf: (seen: Seen) => Value; // what of it can be put
  said: (form: FormData) => Value;
  show: (value: Value) => ReactNode;
  fields: (value: Value, seen: Seen) => ReactNode;
  /** What it would come to, which is looked at before it is saved; `known` is called once that stands there. */
  preview?: (value: Value, known: () => void) => ReactNode;
  more?: (seen: Seen) => ReactNode;
}

interface Props<Seen extends Versioned, Value> {
  of: Kind<Seen, Value>;
}

export function Setting<Seen extends Versioned, Value>({ of }: Props<Seen, Value>) {
  const { project } = useProject();
  const setting = useQuery({ queryKey: [of.id, project], queryFn: of.read });
  return (
    <section className="setting" aria-labelledby={of.id}>
      <h2 id={of.id}>{of.name}</h2>
      <p className="muted">{of.says}</p>
      {setting.isPending ? (
        <Skeleton lines={2} />
      ) : setting.isError ? (
        <ErrorState error={setting.error} retry={setting.refetch} />
      ) : (
        <>
          <Form of={of} shown={setting.data} />
          {of.more?.(setting.data)}
        </>
      )}
    </section>
  );
}

function Form<Seen extends Versioned, Value>({ of, shown }: Props<Seen, Value> & { shown: Seen }) {
  const { project } = useProject();
  const queries = useQueryClient();
  const [seen, see] = useState(shown);
  const [isTouched, touch] = useState(false);
  const [asked, ask] = useState<Value | null>(null);
  if (!isTouched && shown.version !== seen.version) see(shown); // what is being typed stays
  function adopt(now: Seen) {
    queries.setQueryData([of.id, project], now);
    see(now);
    touch(false);
    ask(null);
  }
  const saving = useSaving<Seen, Value>(
    seen,
    (value, from) => of.put(value, from.version),
    (now, before) => {
      adopt(now);
      const undo = () => of.put(of.valueOf(before), now.version).then(adopt, (error) => say(messageOf(error)));
      say(`${of.name}: ${text.saved}`, undo);
    },
  );
  return (
    <>
      <form
        key={seen.version}
        className="stack"
        onChange={() => touch(true)}
        onSubmit={(event) => {
          event.preventDefault();
          const value = of.said(new FormData(event.currentTarget));
          if (of.preview) ask(value);
          else saving.save(value);
        }}
      >
        {of.fields(of.valueOf(seen), seen)}
        {saving.theirs && saving.mine !== undefined && (
          <Both
            theirs={of.show(of.valueOf(saving.theirs))}
            mine={of.show(saving.mine)}
            take={() => {
              adopt(saving.theirs!);
              saving.forget();
            }}
          />
        )}
        <Failed error={saving.error} />
        <div>
          <button type="submit" className="main" disabled={saving.isBusy || !isTouched}>
            {saving.theirs ? text.user.overwrite : text.save}
          </button>
        </div>
      </form>
      {asked !== null && (
        <Preview
          of={of}
          value={asked}
          isBusy={saving.isBusy}
          close={() => ask(null)}
          save={() => saving.save(asked, { onError: () => ask(null) })}
        />
      )}
    </>
  );
}

interface PreviewProps<Seen extends Versioned, Value> extends Props<Seen, Value> {
  value: Value;
  isBusy: boolean;
  close: () => void;
  save: () => void;
}

function Preview<Seen extends Versioned, Value>({ of, value, isBusy, close, save }: PreviewProps<Seen, Value>) {
  const [isKnown, know] = useState(false);
  return (
    <Confirm title={of.name} action={text.save} isBusy={isBusy || !isKnown} close={close} confirm={save}>
      {of.preview!(value, () => know(true))}
    </Confirm>
  );
}
