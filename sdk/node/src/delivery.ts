/** Sends one batch of events, and says what became of it. */

import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Connection } from "./connection.js";
import { Ask0Error, errorOf, unreadable } from "./errors.js";
import { isObject, parseObject } from "./json.js";
import { isPassing } from "./retry.js";

export interface Rejected {
  index: number;
  code: string;
  message: string;
}

export type Outcome =
  /** Each event is durable, or rejected. */
  | { kind: "answered"; rejected: Rejected[] }
  /** The same later. */
  | { kind: "again"; error: Ask0Error }
  /** Fewer at once. */
  | { kind: "halve"; error: Ask0Error }
  /** None of it, ever. */
  | { kind: "refused"; error: Ask0Error };

export type Deliver = (events: string[], stop?: AbortSignal) => Promise<Outcome>;

const PLAIN_BYTES = 1_024; // below it, gzip costs more than it saves

/** Never rejects. */
export function deliverTo(connection: Connection): Deliver {
  return async (events, stop) => {
    try {
      const text = `{"sentAt":"${new Date().toISOString()}","batch":[${events.join()}]}`;
      const request = { method: "POST", path: "v1/batch", ...(await encode(text)) };
      const answer = await connection.exchange(request, stop);
      if (answer.status < 200 || answer.status > 299) return failure(errorOf(answer), rejectedOf(answer.text));
      const rejected = rejectedOf(answer.text);
      return rejected ? { kind: "answered", rejected } : { kind: "again", error: unreadable(answer) };
    } catch (cause) {
      const error = cause instanceof Ask0Error ? cause : new Ask0Error(`${cause}`, { code: "no_answer", cause });
      return { kind: "again", error };
    }
  };
}

/** One event, for whoever waits until it is durable. Raises Ask0Error. */
export async function deliverNow(connection: Connection, event: string): Promise<void> {
  const outcome = await deliverTo(connection)([event]);
  if (outcome.kind !== "answered") throw outcome.error;
  const [rejected] = outcome.rejected;
  if (rejected) throw new Ask0Error(rejected.message, { status: 400, code: rejected.code });
}

function failure(error: Ask0Error, rejected: Rejected[] | undefined): Outcome {
  const { status } = error;
  if (status === 400 && rejected?.length) return { kind: "answered", rejected };
  if (status === 413 || status === 500) return { kind: "halve", error };
  return { kind: isPassing(status) || error.code === "redirected" ? "again" : "refused", error };
}

/** Of an answer of the gateway's; undefined of any other. */
function rejectedOf(text: string): Rejected[] | undefined {
  const list = parseObject(text)?.["rejected"];
  if (!Array.isArray(list)) return undefined;
  return list.filter(isObject).map(({ index, code, message }) => {
    return { index: Number(index), code: String(code), message: String(message ?? "") };
  });
}

async function encode(text: string) {
  const headers = { "content-type": "application/json" };
  if (text.length < PLAIN_BYTES) return { headers, body: text };
  return { headers: { ...headers, "content-encoding": "gzip" }, body: await promisify(gzip)(text) };
}
