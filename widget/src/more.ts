/** What a page seldom needs, loaded when it is first called for: user(), on(), debug(), and the mending of bad input. */

import type { Internals } from "./client.js";
import { renew } from "./renew.js";
import type { Call, Category, Happening, Happenings, User } from "./types.js";

const MAX_TEXT = 30_000; // the gateway takes 32 KB an event
const MAX_PARTS = 10_000; // of a call: what is woven like a framework's own objects has no end of paths

const own = {
  user,
  on,
  debug,
  renew: ([, , , { host, writeKey }, , state]: Internals) => renew(host, writeKey, state().anonymousId),
};

/** Makes a call that the core cannot make: one of these here, or one whose arguments made it throw. */
export function make(internals: Internals, [name, args, at]: Call, why: unknown): unknown {
  const [calls, drop, , , , , emit] = internals;
  if (name in own) return own[name as keyof typeof own](internals, ...(args as [never, never]));
  const sanitized = sanitize(args, emit);
  const [items] = sanitized;
  // One item of a batch that cannot be sent does not take the others with it.
  const parts = name === "batch" && Array.isArray(items) ? items.map((item) => [[item]]) : [sanitized];
  return parts.forEach((part) => {
    try {
      (calls[name] as (at: number, ...args: unknown[]) => unknown)(at, ...part);
    } catch {
      drop(1, why);
    }
  });
}

/** The user as the gateway lets a page see them; null for whoever is not verified, and while there is nobody. */
async function user([, , , options, consentChoices, state, , userToken]: Internals): Promise<User | null> {
  const { anonymousId, userId } = state();
  const optedOut = (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl;
  const unchosen = optedOut ? "denied" : (options.consent ?? "granted");
  const refused = (category: Category) => (consentChoices()[category] ?? unchosen) !== "granted";
  if (refused("analytics") || refused("personalization") || (userId && !userToken)) return null;
  const body = JSON.stringify({ writeKey: options.writeKey, anonymousId, userId, userToken });
  try {
    const answer = await fetch(options.host + "v1/user", { method: "POST", body });
    return answer.ok ? (await answer.json()).user : null;
  } catch {
    return null;
  }
}

function on<Name extends keyof Happenings>(
  [, , happenings]: Internals,
  name: Name,
  run: (...detail: Happenings[Name]) => void,
): void {
  listen(happenings, (happened, ...detail) => happened === name && run?.(...(detail as Happenings[Name])));
}

/** Of calls it tells from now on: the core remembers none. What JSON would leave out in silence is named. */
function debug([calls, , happenings, , , , emit]: Internals): void {
  listen(happenings, (name, ...detail) => console.info("ask0: " + SENTENCES[name], ...detail));
  for (const name of Object.keys(calls) as (keyof typeof calls)[]) {
    const call = calls[name] as Function | 0;
    const told = (at: number, ...args: unknown[]): unknown => {
      console.info(`ask0: ${name}`, ...args);
      return (call as Function)(at, ...sanitize(args, emit));
    };
    if (call && name !== "ready") calls[name] = told as never;
  }
}

const SENTENCES: Record<keyof Happenings, string> = {
  sent: "events sent:",
  delayed: "events that go again later, and the status:",
  dropped: "events given up, and why:",
  omitted: "left out, because JSON cannot carry it or it is too large:",
};

/** Tells of what happened lately, then of what happens. A listener's error is its page's, not the widget's. */
function listen(happenings: Happening[], listener: (name: keyof Happenings, ...detail: unknown[]) => void): void {
  const emit = (happening: Happening) => {
    const [name, ...detail] = happening[0] === "answer" ? interpretAnswer(happening[1], happening[2]) : happening;
    if (name) queueMicrotask(() => listener(name, ...detail));
  };
  const push = happenings.push;
  happenings.forEach(emit);
  happenings.push = (...more) => {
    more.forEach(emit);
    return push.apply(happenings, more);
  };
}

/** What an answer means for the events that were sent; nothing where the core tells more itself. */
function interpretAnswer(events: number, status: number): ["sent", number] | ["delayed", number, number] | [] {
  if (status > 199 && status < 300) return ["sent", events];
  return !status || status > 499 || [408, 425, 429].includes(status) ? ["delayed", events, status] : [];
}

/** What JSON can carry of a call's arguments; the place of each part that is left out is told. */
function sanitize(args: unknown[], emit: (...happening: Happening) => void): unknown[] {
  let room = MAX_PARTS;

  function copy(holder: object, key: string, path: string, within: unknown[]): unknown {
    try {
      const value: unknown = holder[key as never];
      if (!refused(value) && !within.includes(value)) {
        return isPlain(value) ? each(value, path, within) : (JSON.stringify(value), value);
      }
    } catch {
      // A getter, a Proxy or a toJSON that throws, or too many parts.
    }
    emit("omitted", path);
    return undefined;
  }

  function each(value: object, path: string, within: unknown[]): unknown {
    const keys = Object.keys(value);
    if ((room -= keys.length) < 0) throw room;
    const parts = keys.map((key) => [key, copy(value, key, path ? `${path}.${key}` : key, [...within, value])]);
    return Array.isArray(value) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
  }

  return args.map((_, index) => copy(args, `${index}`, "", []));
}

function refused(value: unknown): boolean {
  const type = typeof value;
  return type === "function" || type === "symbol" || type === "bigint" || value instanceof Node || isTooLong(value);
}

const isTooLong = (value: unknown) => typeof value === "string" && value.length > MAX_TEXT;

/** Not a Date, a URL and the like, which say themselves what they are in JSON. */
const isPlain = (value: unknown): value is object =>
  !!value && typeof value === "object" && typeof (value as { toJSON?: unknown }).toJSON !== "function";
