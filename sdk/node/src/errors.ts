/** What a call that failed says: one class, told apart by `code` and `status`. */

import type { Answer } from "./connection.js";
import { isObject, parseObject } from "./json.js";
import { secondsOf } from "./retry.js";

/** What is wrong with one part of a request. */
export interface ErrorDetail {
  /** Which part, as `filter.all[1].value`. */
  at?: string;
  message?: string;
  [key: string]: unknown;
}

interface Parts {
  status?: number;
  code: string;
  details?: ErrorDetail[];
  requestId?: string;
  retryAfter?: number;
  current?: unknown;
  report?: unknown;
  cause?: unknown;
}

/** A call that failed, after its retries. Ask `code` rather than the class where two copies of the package may meet. */
export class Ask0Error extends Error {
  override readonly name = "Ask0Error";
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** A word for programs: the gateway's own, or `no_answer`, `unreadable_answer`, `redirected`, `http_<status>`. */
  readonly code: string;
  /** One for each part of the request that is wrong. */
  readonly details: ErrorDetail[];
  /** What the gateway's log calls the request. */
  readonly requestId: string | undefined;
  /** Seconds after which the gateway would hear the same again. */
  readonly retryAfter: number | undefined;
  /** With status 412: what is there now. */
  readonly current: unknown;
  /** Of a file that was taken in in part: how far. */
  readonly report: unknown;

  constructor(message: string, parts: Parts) {
    const { status = 0, code, details = [], requestId, retryAfter, current, report, cause } = parts;
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.details = details;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
    this.current = current;
    this.report = report;
  }
}

/** What an answer says that is no success; a proxy's page says it by its status alone. */
export function errorOf(answer: Answer): Ask0Error {
  const { status } = answer;
  const { code, message, details, current, report } = parseObject(answer.text) ?? {};
  const moved = status >= 300 && status < 400;
  const usual = moved ? `redirected to ${answer.headers.get("location")}: give that as host` : `answered ${status}`;
  return new Ask0Error(typeof message === "string" && message ? message : usual, {
    status,
    code: typeof code === "string" && code ? code : moved ? "redirected" : `http_${status}`,
    details: Array.isArray(details) ? details.filter(isObject) : [],
    current,
    report,
    ...headersOf(answer),
  });
}

/** A success that is not what the gateway answers: a network's log-in page, half a document. */
export function unreadable(answer: Answer): Ask0Error {
  const message = `the answer (${answer.status}) is not the gateway's: ${answer.text.slice(0, 80)}`;
  return new Ask0Error(message, { status: answer.status, code: "unreadable_answer", ...headersOf(answer) });
}

function headersOf({ headers }: Answer) {
  return { requestId: headers.get("x-request-id") ?? undefined, retryAfter: secondsOf(headers.get("retry-after")) };
}
