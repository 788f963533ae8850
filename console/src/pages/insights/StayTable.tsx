/** Who came in a week or a month, and how many of them came again in each one after it: the more, the darker. */
import type { ReactNode } from "react";
import { Num } from "../../kit/values";
import { text } from "../../text/en";

interface Row {
  name: string;
  users: number;
  active: number[];
  shares: number[];
  more?: ReactNode[]; // cells of columns of their own
}

interface Props {
  title: string;
  first: string; // what a row is
  columns?: string[]; // their names
  rows: Row[];
}

const LEVELS = 5;

export function StayTable({ title, first, columns = [], rows }: Props) {
  const spans = rows.map((_, span) => span);
  return (
    <div className="scroll-x">
      <table className="heat wide">
        <caption className="unseen">{title}</caption>
        <thead>
          <tr>
            {[first, text.dashboard.users, ...columns, ...spans.map(text.insights.spanAfter)].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              <td>
                <Num value={row.users} />
              </td>
              {row.more?.map((cell, place) => (
                <td key={columns[place]}>{cell}</td>
              ))}
              {spans.map((span) => {
                const share = row.shares[span];
                if (share === undefined) return <td key={span} />;
                return (
                  <td key={span} className={`heat-${Math.ceil(share * LEVELS)}`}>
                    <Num value={share} share /> <small>{row.active[span]!.toLocaleString("en")}</small>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
