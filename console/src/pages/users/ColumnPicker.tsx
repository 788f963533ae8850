/** Which columns there are, in which order and how wide: the product's own and any trait. */
import { type FormEvent, useState } from "react";
import { Dialog } from "../../kit/Dialog";
import { text } from "../../text/en";
import { columnOf, known, type Profile, traitColumn } from "./columns";
import { NARROWEST, type Placed, placedAtFirst, WIDEST } from "./layout";

interface Props {
  chosen: Placed[];
  sample: Profile[]; // whose traits are offered
  apply: (placed: Placed[]) => void;
  close: () => void;
}

const MOST_OFFERED = 200;

export function ColumnPicker({ chosen, sample, apply, close }: Props) {
  const [placed, place] = useState(chosen);
  const traits = [...new Set(sample.flatMap((user) => Object.keys(user.traits)))].sort().slice(0, MOST_OFFERED);
  const offered = [...known.map((column) => column.id), ...traits.map(traitColumn)].filter(
    (id) => !placed.some((one) => one.id === id),
  );
  const move = (from: number, by: number) => {
    const next = [...placed];
    next.splice(from + by, 0, ...next.splice(from, 1));
    place(next);
  };
  function submit(event: FormEvent) {
    event.preventDefault();
    apply(placed);
    close();
  }
  return (
    <Dialog title={text.users.columns} close={close}>
      <form className="stack" onSubmit={submit}>
        <ul className="plain">
          {placed.map(({ id, width }, at) => {
            const name = columnOf(id)?.name ?? id;
            return (
              <li key={id} className="row">
                <span className="grow cut">{name}</span>
                <input
                  type="number"
                  className="narrow"
                  min={NARROWEST}
                  max={WIDEST}
                  aria-label={text.views.width(name)}
                  placeholder={text.views.byItself}
                  value={width ?? ""}
                  onChange={(event) => {
                    const px = Number(event.target.value) || undefined;
                    place(placed.map((one, other) => (other === at ? { id, width: px } : one)));
                  }}
                />
                <button
                  type="button"
                  className="quiet"
                  disabled={at === 0}
                  aria-label={text.users.up(name)}
                  onClick={() => move(at, -1)}
                >
                  ↑
                </button>
                <button
                  type="button"
                  className="quiet"
                  disabled={at === placed.length - 1}
                  aria-label={text.users.down(name)}
                  onClick={() => move(at, 1)}
                >
                  ↓
                </button>
                <button
                  type="button"
                  className="quiet"
                  disabled={placed.length === 1}
                  aria-label={text.users.leaveOut(name)}
                  onClick={() => place(placed.filter((one) => one.id !== id))}
                >
                  ✕
                </button>
              </li>
            );
          })}
        </ul>
        <label className="field">
          <span>{text.users.addColumn}</span>
          <select value="" onChange={(event) => event.target.value && place([...placed, { id: event.target.value }])}>
            <option value="">{text.users.choosePlease}</option>
            {offered.map((id) => (
              <option key={id} value={id}>
                {columnOf(id)?.name}
              </option>
            ))}
          </select>
        </label>
        <div className="row end">
          <button type="button" onClick={() => place(placedAtFirst)}>
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
