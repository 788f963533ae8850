/** A filter, built condition by condition; what it says and how many it finds is told as it changes. */
import { useState } from "react";
import { Dialog } from "../../kit/Dialog";
import { useSettled } from "../../kit/settled";
import { messageOf } from "../../kit/states";
import { Num } from "../../kit/values";
import { text } from "../../text/en";
import {
  type Built,
  type Condition,
  type Filter,
  fromFilter,
  isSpan,
  sentence,
  STATUSES,
  takesValue,
  toFilter,
  traitOps,
} from "./filters";
import { useCount } from "./list";

interface Props {
  filter: Filter | null;
  segment?: string;
  search?: string;
  /** What may not be asked for here. */
  without?: Condition["kind"][];
  action?: string;
  apply: (filter: Filter | null) => void;
  close: () => void;
}

const KINDS = Object.entries(text.filters.kinds) as [Condition["kind"], string][];
const FRESH: Condition = { kind: "trait", name: "", op: "is", value: "" };

export function FilterBuilder({ filter, segment = "", search = "", without = [], action, apply, close }: Props) {
  const [built, setBuilt] = useState<Built>(() => {
    const found = fromFilter(filter);
    return found?.conditions.length ? found : { match: found?.match ?? "all", conditions: [FRESH] };
  });
  const isByHand = fromFilter(filter) === null;
  const made = toFilter(built);
  const count = useCount({ search, segment, sort: "", filter: useSettled(made ? JSON.stringify(made) : "") });
  const set = (place: number, changed: Partial<Condition>) =>
    setBuilt({
      ...built,
      conditions: built.conditions.map((one, at) => (at === place ? { ...one, ...changed } : one)),
    });

  return (
    <Dialog title={text.filters.title} close={close} wide>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          apply(made);
        }}
      >
        {isByHand && <p className="notice">{text.filters.byHand}</p>}
        <label className="row">
          <span>{text.filters.match}</span>
          <select
            className="narrow"
            value={built.match}
            onChange={(event) => setBuilt({ ...built, match: event.target.value as Built["match"] })}
          >
            <option value="all">{text.filters.matchAll}</option>
            <option value="any">{text.filters.matchAny}</option>
          </select>
        </label>
        <ul className="plain conditions">
          {built.conditions.map((condition, place) => (
            <li key={place} className="condition">
              <Row condition={condition} without={without} set={(changed) => set(place, changed)} />
              <button
                type="button"
                className="quiet"
                aria-label={text.filters.remove}
                onClick={() => setBuilt({ ...built, conditions: built.conditions.filter((_, at) => at !== place) })}
              >
                ✕
              </button>
            </li>
          ))}
        </ul>
        <div>
          <button type="button" onClick={() => setBuilt({ ...built, conditions: [...built.conditions, FRESH] })}>
            {text.filters.add}
          </button>
        </div>
        <p aria-live="polite" className="filter-says">
          {sentence(made)}
          {" · "}
          {count.error ? (
            <span className="bad">{messageOf(count.error)}</span>
          ) : (
            <strong>
              <Num value={count.data} /> {text.users.unit}
            </strong>
          )}
        </p>
        <div className="row end">
          <button type="button" onClick={() => apply(null)}>
            {text.filters.clear}
          </button>
          <button type="submit" className="main">
            {action ?? text.filters.apply}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface RowProps {
  condition: Condition;
  without: Condition["kind"][];
  set: (changed: Partial<Condition>) => void;
}

function Row({ condition, without, set }: RowProps) {
  const { kind, name, op, value } = condition;
  const ops = kind === "trait" ? traitOps : kind === "did" ? ["did", "didNot"] : ["is", "isNot"];
  return (
    <>
      <select
        aria-label={text.filters.kind}
        value={kind}
        onChange={(event) => {
          const next = event.target.value as Condition["kind"];
          set({ kind: next, name: next === "status" ? STATUSES[0] : "", op: next === "did" ? "did" : "is", value: "" });
        }}
      >
        {KINDS.filter(([id]) => !without.includes(id)).map(([id, shown]) => (
          <option key={id} value={id}>
            {shown}
          </option>
        ))}
      </select>
      {kind === "trait" && (
        <input
          aria-label={text.filters.trait}
          placeholder="plan"
          value={name}
          onChange={(event) => set({ name: event.target.value })}
        />
      )}
      <select aria-label={text.filters.op} value={op} onChange={(event) => set({ op: event.target.value })}>
        {ops.map((one) => (
          <option key={one} value={one}>
            {{ ...text.filters.ops, ...text.filters.doing }[one as "is"]}
          </option>
        ))}
      </select>
      {kind === "status" ? (
        <select aria-label={text.users.status} value={name} onChange={(event) => set({ name: event.target.value })}>
          {STATUSES.map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      ) : kind === "trait" ? (
        takesValue(op) && (
          <input
            aria-label={text.filters.value}
            placeholder={isSpan(op) ? "7d" : op.toLowerCase().endsWith("in") ? "pro, enterprise" : ""}
            value={value}
            onChange={(event) => set({ value: event.target.value })}
          />
        )
      ) : (
        <input
          aria-label={text.filters.kinds[kind]}
          value={name}
          onChange={(event) => set({ name: event.target.value })}
        />
      )}
      {kind === "did" && (
        <input
          aria-label={text.filters.last}
          placeholder={text.filters.lastHint}
          value={value}
          onChange={(event) => set({ value: event.target.value })}
        />
      )}
    </>
  );
}
