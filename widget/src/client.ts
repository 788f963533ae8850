/** Puts the parts together. */

import { createCalls } from "./calls.js";
import { describeContext } from "./context.js";
import { openIdentity } from "./identity.js";
import { openJournal } from "./journal.js";
import { whenLeaving } from "./lifecycle.js";
import { createTransport } from "./transport.js";
import type { Ask0, Call, Options } from "./types.js";

/** For pages that bundle the widget. Needs a browser, so not for the server's side of a page. */
export function createAsk0({ host, writeKey }: Options): Ask0 {
  const ask0 = {} as Ask0;
  connect(ask0, `${host}/v1/batch`, writeKey);
  return ask0;
}

/** Gives `ask0` its methods. The function returned makes a call that was recorded earlier. */
export function connect(ask0: Ask0, url: string, writeKey: string): (call: Call) => void {
  const prefix = `ask0.${writeKey}.`;
  const identity = openIdentity(prefix);
  const save = openJournal(prefix + "queue.", (events) => push(events));
  const { push, flush } = createTransport(url, writeKey, save, lose);
  const calls = { ...createCalls(identity, describeContext, push), flush };

  function lose(events: number): void {
    ask0.dropped += events;
    identity.doubt(); // it may have been the identify
  }

  /** Whatever a page passes, nothing is thrown back into it. */
  function make([name, args, at]: Call): void {
    try {
      (calls[name] as (at: number, ...args: unknown[]) => void)(at, ...args);
    } catch {
      lose(1); // cyclic, a BigInt, not what the types say
    }
  }

  ask0.dropped = 0;
  for (const name of Object.keys(calls) as Call[0][]) {
    ask0[name] = (...args: unknown[]) => make([name, args, Date.now()]);
  }
  whenLeaving(flush);
  return make;
}
