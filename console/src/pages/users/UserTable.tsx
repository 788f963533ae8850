/** Rows of users: only those that can be seen are there, more are fetched as one scrolls. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { remember, remembered } from "../../kit/remembered";
import { text } from "../../text/en";
import { type Column, nameOf, type Profile } from "./columns";
import { within } from "./layout";

const ROW = 44; // px
const PAUSE_MS = 150; // without scrolling, until the place is remembered
const SCROLLED = "scrolled";
const AHEAD = 90; // rows before the last at which the next ones are fetched

interface Props {
  users: Profile[];
  columns: Column[];
  total: number | null;
  sort: string;
  setSort: (sort: string) => void;
  more: () => void;
  hasMore: boolean;
  isStale: boolean;
  resize: (column: string, width: number) => void; // in px
  chosen: ReadonlySet<string>;
  choose: (ids: ReadonlySet<string>) => void;
  hrefOf: (id: string) => string;
}

export function UserTable({
  users,
  columns,
  total,
  sort,
  setSort,
  more,
  hasMore,
  isStale,
  resize,
  chosen,
  choose,
  hrefOf,
}: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: users.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    initialOffset: () => remembered<number>(SCROLLED) ?? 0,
    overscan: 8,
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  const hasScrolled = (rows.scrollOffset ?? 0) > 0; // who only looks at the first rows asks for no more of them
  useEffect(() => {
    const isNear = hasScrolled ? last >= users.length - AHEAD : last >= users.length - 1;
    if (hasMore && isNear) more();
  }, [last, hasScrolled, users.length, hasMore, more]);

  const timer = useRef<number>(undefined);
  const rememberPlace = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => scroller.current && remember(SCROLLED, scroller.current.scrollTop), PAUSE_MS);
  };
  useRowKeys(scroller, users.length, (place) => rows.scrollToIndex(place));
  const [pulled, pull] = useState<Pulled | null>(null);
  const widths = columns.map((column) => (pulled?.id === column.id ? `${pulled.width}px` : column.width));
  const template = `34px ${widths.join(" ")}`;
  const areAllChosen = users.length > 0 && users.every((user) => chosen.has(user.id));

  function toggle(id: string) {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  }

  return (
    <div
      className="rows"
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label={text.users.list}
      aria-busy={isStale}
      onScroll={rememberPlace}
    >
      <div role="table" aria-label={text.users.title} aria-rowcount={total === null ? -1 : total + 1}>
        <div role="row" aria-rowindex={1} className="rows-head" style={{ gridTemplateColumns: template }}>
          <span role="columnheader">
            <input
              type="checkbox"
              aria-label={text.users.chooseAll}
              checked={areAllChosen}
              onChange={() => choose(areAllChosen ? new Set() : new Set(users.map((user) => user.id)))}
            />
          </span>
          {columns.map((column) => (
            <Head key={column.id} column={column} sort={sort} setSort={setSort} pull={pull} resize={resize} />
          ))}
        </div>
        <div role="rowgroup" className="rows-body" style={{ height: rows.getTotalSize() }}>
          {shown.map(({ index, start }) => {
            const user = users[index]!;
            return (
              <div
                key={user.id}
                role="row"
                aria-rowindex={index + 2}
                data-place={index}
                className={chosen.has(user.id) ? "rows-row chosen" : "rows-row"}
                style={{ gridTemplateColumns: template, transform: `translateY(${start}px)`, height: ROW }}
              >
                <span role="cell">
                  <input
                    type="checkbox"
                    aria-label={text.users.choose(nameOf(user))}
                    checked={chosen.has(user.id)}
                    onChange={() => toggle(user.id)}
                  />
                </span>
                {columns.map((column, place) => (
                  <span key={column.id} role="cell" className={column.isNumber ? "number" : undefined}>
                    {place === 0 ? (
                      <Link href={hrefOf(user.id)} className="row-link">
                        {column.cell(user)}
                      </Link>
                    ) : (
                      column.cell(user)
                    )}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** A column while its edge is held. */
interface Pulled {
  id: string;
  width: number;
}

interface HeadProps {
  column: Column;
  sort: string;
  setSort: (sort: string) => void;
  pull: (pulled: Pulled | null) => void;
  resize: (column: string, width: number) => void;
}

function Head({ column, sort, setSort, pull, resize }: HeadProps) {
  const isDown = sort === `-${column.sort}`;
  const isUp = sort === column.sort;
  const order = isDown ? "descending" : isUp ? "ascending" : undefined;
  return (
    <span role="columnheader" aria-sort={order} className={column.isNumber ? "number" : undefined}>
      {column.sort ? (
        <button type="button" className="sort" onClick={() => setSort(isDown ? column.sort! : `-${column.sort}`)}>
          <span className="cut">{column.name}</span>
          <span aria-hidden>{isDown ? "↓" : isUp ? "↑" : ""}</span>
        </button>
      ) : (
        column.name
      )}
      <Grip id={column.id} pull={pull} resize={resize} />
    </span>
  );
}

/** The edge of a column, to be pulled; without a pointer, widths are said where columns are chosen. */
function Grip({ id, pull, resize }: { id: string } & Pick<HeadProps, "pull" | "resize">) {
  const begun = useRef<{ at: number; width: number } | null>(null);
  const widthAt = (event: PointerEvent) => within(begun.current!.width + event.clientX - begun.current!.at);
  return (
    <span
      className="grip"
      aria-hidden
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        begun.current = { at: event.clientX, width: event.currentTarget.parentElement!.offsetWidth };
      }}
      onPointerMove={(event) => begun.current && pull({ id, width: widthAt(event) })}
      onPointerUp={(event) => {
        if (begun.current && event.clientX !== begun.current.at) resize(id, widthAt(event));
        begun.current = null;
        pull(null);
      }}
      onPointerCancel={() => {
        begun.current = null;
        pull(null);
      }}
    />
  );
}

/** j and k go from row to row; Enter opens the one with the focus, as it is a link. */
function useRowKeys(scroller: React.RefObject<HTMLElement | null>, count: number, show: (place: number) => void) {
  useEffect(() => {
    const step = (event: Event) => {
      const { key, target } = event as unknown as KeyboardEvent;
      if (
        (key !== "j" && key !== "k") ||
        (target as HTMLElement).closest("input:not([type=checkbox]), textarea, select, dialog")
      )
        return;
      const here = document.activeElement?.closest<HTMLElement>("[data-place]")?.dataset.place;
      const place = here === undefined ? 0 : Number(here) + (key === "j" ? 1 : -1);
      if (place < 0 || place >= count) return;
      show(place);
      requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-place="${place}"] a`)?.focus());
    };
    addEventListener("keydown", step);
    return () => removeEventListener("keydown", step);
  }, [scroller, count, show]);
}
