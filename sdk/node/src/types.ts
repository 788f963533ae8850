/** What a server can say and set: the public types of the client. */

import type { Ask0Error } from "./errors.js";

export type Properties = Record<string, unknown>;

/** A site's own id of a person or an account. */
export type Id = string | number;

/** What every call may carry beside its own. At least one of `userId` and `anonymousId` says whom it is about. */
export interface Common {
  userId?: Id | null;
  /** The id that a guest's browser has, `g-…`. */
  anonymousId?: Id | null;
  /** When it happened, if not now: a Date, ISO 8601 text or epoch milliseconds. */
  timestamp?: Date | string | number;
  /** Made by the SDK unless given. A repeat of one is stored once, also if another process sends it. */
  messageId?: string;
  context?: Properties;
}

/** Properties of an event, with whom it is about among them. */
export interface Fields extends Common {
  [property: string]: unknown;
}

/** An event whole: `{ userId, event, properties }`, or flat, where every other key is a property. */
export interface Track extends Fields {
  event: string;
  properties?: Properties;
}

/** A person: `{ id, …traits }`, or `{ userId, traits }`. `customAttributes` are traits too. */
export interface Identify extends Fields {
  id?: Id | null;
  email?: string;
  name?: string;
  company?: string;
  plan?: string;
  role?: string;
  customAttributes?: Properties;
  traits?: Properties;
}

/** A page or a screen that was shown. */
export interface Page extends Fields {
  name?: string;
  category?: string;
  properties?: Properties;
}

/** Which account a person belongs to: `{ userId, groupId, traits }`, the traits being the account's. */
export interface Group extends Fields {
  groupId: Id;
  traits?: Properties;
}

/** The guest, or former user, `previousId` is the user `userId`. */
export interface Alias extends Fields {
  userId: Id;
  previousId: Id;
}

/** A call in a batch. Without a `type` it is a track if it has an `event`, an identify with an `id` or `traits`. */
export interface BatchItem extends Fields {
  type?: "identify" | "track" | "page" | "screen" | "group" | "alias";
  event?: string;
  id?: Id | null;
  traits?: Properties;
  properties?: Properties;
}

/** An event that will not arrive. */
export interface Refused {
  /** As it would have been sent. */
  event: unknown;
  messageId: string | undefined;
  /**
   * A reason of the gateway's, as `missing_user`; or of the SDK's: `queue_full`, `too_large`, `closed`, `unsent` (the
   * process ended first).
   */
  code: string;
  message: string;
}

/** An HTTP request as the SDK makes it. */
export interface FetchInit {
  method: string;
  headers: Record<string, string>;
  body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** With a body that is an iterable. */
  duplex?: "half";
  redirect: "manual";
  signal: AbortSignal;
}

/** What of an answer the SDK reads. */
export interface FetchAnswer {
  status: number;
  headers: { get(name: string): string | null };
  /** An async iterable of bytes, as Node's own; without one `text` is called. */
  body?: unknown;
  text(): Promise<string>;
}

export interface Options {
  /** A secret key of the project, `sk_…`. It belongs on servers alone. */
  secretKey: string;
  /** Address of the gateway. */
  host: string;
  /** The project that the calls of the API are about. Default `-`, the key's own. */
  project?: string;
  /** So many queued events leave at once. Default 100. */
  flushAt?: number;
  /** Fewer leave after so long. Default 1,000. */
  flushIntervalMs?: number;
  /** How many events are kept for a gateway that does not answer. Default 50,000. */
  maxQueueEvents?: number;
  /** How many bytes of them, as JSON. Default 32,000,000. */
  maxQueueBytes?: number;
  /** How often a call of the API is made again. Events are sent until they have an answer. Default 5. */
  maxRetries?: number;
  /** How long one answer is waited for. Default 15,000. */
  timeoutMs?: number;
  /** Runs for every event that will not arrive. Without it the first of each code is a warning of the process. */
  onRefused?: (refused: Refused) => void;
  /** Runs for a try that goes again later, and for a part of a call that is left out. Without it likewise. */
  onError?: (error: Ask0Error) => void;
  /** In place of Node's own. */
  fetch?: (url: string, init: FetchInit) => Promise<FetchAnswer>;
}
