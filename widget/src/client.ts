/** Puts the parts together. */

import { calls as recordingCalls, complete } from "./calls.js";
import { ask0, load, options, storageKey } from "./config.js";
import { happenings, emit } from "./happenings.js";
import { initIdentity, token, currentIds } from "./identity.js";
import { openJournal } from "./journal.js";
import { whenLeaving } from "./lifecycle.js";
import { hasConsent, analytics, consentChoices, remember, state, store } from "./state.js";
import { clear, drop, flush, push } from "./transport.js";
import type { Call, Consent } from "./types.js";

const calls = {
  ...recordingCalls,
  consent,
  flush,
  ready: async (_: number, run?: () => void) => run?.(),
  user: 0, // these are in the module that is loaded later
  on: 0,
  debug: 0,
};

/** What that module is told of the widget; in a tuple, because names would stay in the bundle. */
const internals = () => [calls, drop, happenings, options, consentChoices, state, emit, token] as const;
export type Internals = ReturnType<typeof internals>;

/** Calls that wait: for the bundle, in the snippet's hands, then for consent. */
let deferred: Call[];

/** What was withdrawn is said once more, of the person it was, and nothing after it. */
function consent(at: number, choice: Consent): void {
  const consent = { ...consentChoices(), ...choice };
  const before = hasConsent() && currentIds();
  store(storageKey, consent);
  applyConsent();
  if (before || hasConsent()) push([complete(at, { type: "identify", context: { consent }, userToken: token, ...before })]);
  flush();
}

/** Does what the person has chosen, in this tab or in another. */
function applyConsent(): void {
  if (hasConsent()) initIdentity();
  else {
    remember({});
    clear();
  }
  deferred.splice(0).forEach(make);
}

/** Makes a call, at the time it was made first. Whatever a page passes, nothing is thrown back into it. */
function make(call: Call): unknown {
  const [name, args, at, done] = call;
  let result: unknown;
  try {
    if (!(name in recordingCalls) || hasConsent()) result = (calls[name] as (at: number, ...args: unknown[]) => unknown)(at, ...args);
    else if (analytics() !== "denied") deferred[deferred.length] = call;
  } catch (why) {
    result = load().then((more) => more.make(internals(), call, why)).catch(() => drop(1, why));
  }
  return done ? done(result) : result;
}

/** Gives `ask0` its methods. */
export function connect(): void {
  ask0.dropped = 0;
  deferred = ask0.q ?? [];
  deferred.push = make as typeof deferred.push; // the snippet's methods, where a page kept them, stay good
  for (const name in calls) ask0[name as "track"] = (...args) => make([name as "track", args, Date.now()]);
  openJournal((events) => hasConsent() && push(events));
  applyConsent();
  whenLeaving(flush);
  addEventListener("storage", ({ key }) => key === storageKey && applyConsent());
}
