/** A statement on its way: what it is called, what is said of it when it fails, and what can be drawn of its answer. */
import { api, ApiError, call, type Schemas } from "../../../api/client";

export type Answer = Schemas["SqlAnswer"];

export const MOST_CHARACTERS = 20_000;
export const MOST_IN_ADDRESS = 4_000; // what is longer is not linked
const MOST_ROWS = 10_000;
const MOST_SERIES = 4;
const MOST_BARS = 200;
const NUMBERS = /^(Nullable\(|LowCardinality\()*(U?Int(8|16|32|64)|Float(32|64)|Decimal)/;

export function ask(project: string, sql: string, signal: AbortSignal): Promise<Answer> {
  const params = { path: { project } };
  const answer = call(api.POST("/v1/projects/{project}/sql", { params, body: { sql, limit: MOST_ROWS }, signal }));
  return answer as Promise<Answer>; // no CSV was asked for
}

/** The same as a file. */
export async function askFile(project: string, sql: string): Promise<Blob> {
  const params = { path: { project }, query: { format: "csv" as const } };
  const body = { sql, limit: MOST_ROWS };
  return call(
    api.POST("/v1/projects/{project}/sql", { params, body, parseAs: "blob" }),
  ) as Promise<unknown> as Promise<Blob>;
}

/** Which line of the statement is wrong, if that is told. */
export function lineOf(error: unknown): number | null {
  return error instanceof ApiError && typeof error.body.line === "number" ? error.body.line : null;
}

export interface Series {
  title: string;
  values: { day: string; count: number }[];
}

/** The first column against each one of numbers. */
export function chartsOf(answer: Answer): Series[] {
  const numbers = answer.columns
    .map((column, place) => ({ column, place }))
    .filter(({ column, place }) => place > 0 && NUMBERS.test(column.type));
  return numbers.slice(0, MOST_SERIES).map(({ column, place }) => ({
    title: column.name,
    values: answer.rows.slice(0, MOST_BARS).map((row) => ({ day: shown(row[0]), count: Number(row[place] ?? 0) || 0 })),
  }));
}

export function shown(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
