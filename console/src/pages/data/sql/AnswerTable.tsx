/** The rows of an answer: only those that can be seen are there. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { None } from "../../../kit/values";
import { text } from "../../../text/en";
import { type Answer, shown } from "./answer";

const ROW = 34; // px

export function AnswerTable({ answer }: { answer: Answer }) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: answer.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const template = `repeat(${answer.columns.length}, minmax(110px, 260px))`;
  return (
    <div className="sql-rows" ref={scroller} tabIndex={0} role="region" aria-label={text.sql.answer}>
      <div role="table" aria-label={text.sql.answer} aria-rowcount={answer.rows.length + 1}>
        <div role="row" aria-rowindex={1} className="sql-head" style={{ gridTemplateColumns: template }}>
          {answer.columns.map((column, place) => (
            <span role="columnheader" key={place} title={column.type}>
              {column.name}
            </span>
          ))}
        </div>
        <div role="rowgroup" className="sql-body" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => (
            <div
              role="row"
              key={index}
              aria-rowindex={index + 2}
              className="sql-row"
              style={{ gridTemplateColumns: template, height: ROW, transform: `translateY(${start}px)` }}
            >
              {answer.rows[index]!.map((value, place) => (
                <span role="cell" key={place} title={shown(value).slice(0, 500)}>
                  {value === null ? <None /> : shown(value).slice(0, 500)}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
