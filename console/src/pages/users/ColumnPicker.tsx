/** Which columns there are, in which order: the product's own and any trait. */
import { type FormEvent, useState } from "react";
import { Dialog } from "../../kit/Dialog";
import { text } from "../../text/en";
import { atFirst, columnOf, known, type Profile, traitColumn } from "./columns";

interface Props {
  chosen: string[];
  sample: Profile[]; // whose traits are offered
  apply: (ids: string[]) => void;
  close: () => void;
}

const MOST_OFFERED = 200;

export function ColumnPicker({ chosen, sample, apply, close }: Props) {
  const [ids, setIds] = useState(chosen);
  const traits = [...new Set(sample.flatMap((user) => Object.keys(user.traits)))].sort().slice(0, MOST_OFFERED);
  const offered = [...known.map((column) => column.id), ...traits.map(traitColumn)].filter((id) => !ids.includes(id));
  const move = (from: number, by: number) => {
    const next = [...ids];
    next.splice(from + by, 0, ...next.splice(from, 1));
    setIds(next);
  };
  function submit(event: FormEvent) {
    event.preventDefault();
    apply(ids);
    close();
  }
  return (
    <Dialog title={text.users.columns} close={close}>
      <form className="stack" onSubmit={submit}>
        <ul className="plain">
          {ids.map((id, place) => {
            const name = columnOf(id)?.name ?? id;
            return (
              <li key={id} className="row">
                <span className="grow cut">{name}</span>
                <button
                  type="button"
                  className="quiet"
                  disabled={place === 0}
                  aria-label={text.users.up(name)}
                  onClick={() => move(place, -1)}
                >
                  ↑
                </button>
                <button
                  type="button"
                  className="quiet"
                  disabled={place === ids.length - 1}
                  aria-label={text.users.down(name)}
                  onClick={() => move(place, 1)}
                >
                  ↓
                </button>
                <button
                  type="button"
                  className="quiet"
                  disabled={ids.length === 1}
                  aria-label={text.users.leaveOut(name)}
                  onClick={() => setIds(ids.filter((one) => one !== id))}
                >
                  ✕
                </button>
              </li>
            );
          })}
        </ul>
        <label className="field">
          <span>{text.users.addColumn}</span>
          <select value="" onChange={(event) => event.target.value && setIds([...ids, event.target.value])}>
            <option value="">{text.users.choosePlease}</option>
            {offered.map((id) => (
              <option key={id} value={id}>
                {columnOf(id)?.name}
              </option>
            ))}
          </select>
        </label>
        <div className="row end">
          <button type="button" onClick={() => setIds(atFirst)}>
            {text.users.asAtFirst}
          </button>
          <button type="submit" className="main">
            {text.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
