/** Puts the parts together. */

import { calls as spoken, complete } from "./calls.js";
import { ask0, load, options, place } from "./config.js";
import { happenings, tell } from "./happenings.js";
import { meet, token, who } from "./identity.js";
import { openJournal } from "./journal.js";
import { whenLeaving } from "./lifecycle.js";
import { agreed, analytics, chosen, remember, state, store } from "./state.js";
import { clear, drop, flush, push } from "./transport.js";
import type { Call, Consent } from "./types.js";

const calls = {
  ...spoken,
  consent,
  flush,
  ready: async (_: number, run?: () => void) => run?.(),
  user: 0, // these are in the module that is loaded later
  on: 0,
  debug: 0,
};

/** What that module is told of the widget; in a tuple, because names would stay in the bundle. */
const inside = () => [calls, drop, happenings, options, chosen, state, tell, token] as const;
export type Inside = ReturnType<typeof inside>;

/** Calls that wait: for the bundle, in the snippet's hands, then for consent. */
let deferred: Call[];

/** What was withdrawn is said once more, of the person it was, and nothing after it. */
function consent(at: number, choice: Consent): void {
  const consent = { ...chosen(), ...choice };
  const before = agreed() && who();
  store(place, consent);
  obey();
  if (before || agreed()) push([complete(at, { type: "identify", context: { consent }, userToken: token, ...before })]);
  flush();
}

/** Does what the person has chosen, in this tab or in another. */
function obey(): void {
  if (agreed()) meet();
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
    if (!(name in spoken) || agreed()) result = (calls[name] as (at: number, ...args: unknown[]) => unknown)(at, ...args);
    else if (analytics() !== "denied") deferred[deferred.length] = call;
  } catch (why) {
    result = load().then((more) => more.make(inside(), call, why)).catch(() => drop(1, why));
  }
  return done ? done(result) : result;
}

/** Gives `ask0` its methods. */
export function connect(): void {
  ask0.dropped = 0;
  deferred = ask0.q ?? [];
  deferred.push = make as typeof deferred.push; // the snippet's methods, where a page kept them, stay good
  for (const name in calls) ask0[name as "track"] = (...args) => make([name as "track", args, Date.now()]);
  openJournal((events) => agreed() && push(events));
  obey();
  whenLeaving(flush);
  addEventListener("storage", ({ key }) => key === place && obey());
}
