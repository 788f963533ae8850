/** How values are written: times, numbers, whatever a trait holds, and text that is to be copied. */
import { useState } from "react";
import { text } from "../text/en";

const WEEK_MS = 7 * 24 * 3_600_000;
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const dated = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const timed = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const shares = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });

/** Of the last week how long ago, else the day; the moment in UTC on hover. */
export function Time({ at, whole }: { at: string | null | undefined; whole?: boolean }) {
  if (!at) return <None />;
  const date = new Date(at);
  return (
    <time dateTime={at} title={`${at.slice(0, 19).replace("T", " ")} UTC`}>
      {whole ? timed.format(date) : since(date)}
    </time>
  );
}

function since(date: Date): string {
  const past = Date.now() - date.getTime();
  if (past < 0 || past > WEEK_MS) return dated.format(date);
  const found = UNITS.find(([, size]) => past >= size);
  return found ? relative.format(-Math.floor(past / found[1]), found[0]) : text.now;
}

export function Num({ value, share }: { value: number | null | undefined; share?: boolean }) {
  return value === null || value === undefined ? <None /> : <>{(share ? shares : numbers).format(value)}</>;
}

export function None() {
  return (
    <span className="muted" aria-label={text.none}>
      –
    </span>
  );
}

/** Whatever a trait holds, as text: it comes from anybody. */
export function Value({ value }: { value: unknown }) {
  if (value === null || value === undefined || value === "") return <None />;
  if (typeof value === "string") return <>{value}</>;
  if (typeof value === "number") return <Num value={value} />;
  return <code>{JSON.stringify(value)}</code>;
}

export function Copy({ value, name }: { value: string; name: string }) {
  const [wasCopied, tell] = useState(false);
  return (
    <button
      type="button"
      className="copy"
      title={text.copy(name)}
      onClick={() => navigator.clipboard.writeText(value).then(() => tell(true))}
      onBlur={() => tell(false)}
    >
      <code>{value}</code> <span role="status">{wasCopied ? text.copied : ""}</span>
    </button>
  );
}

export function Status({ status }: { status: string }) {
  return <span className={`status ${status.toLowerCase()}`}>{status}</span>;
}

export function Tag({ children }: { children: string }) {
  return <span className="tag">{children}</span>;
}
