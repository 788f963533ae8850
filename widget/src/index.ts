/** @ask0/browser: identify and track the users of AI assistants. */

import { connect } from "./client.js";
import { ask0, configure } from "./config.js";
import { currentIds } from "./identity.js";
import { renew } from "./renew.js";
import type { Ask0, Options } from "./types.js";

/**
 * For pages that bundle the widget. A page has one: called again, it gives back the one there is. Needs a browser, so
 * not for the server's side of a page.
 */
export function createAsk0(options: Options): Ask0 {
  if (!ask0) {
    const host = options.host.replace(/\/*$/, "/");
    const api = { renew: () => void renew(host, options.writeKey, currentIds().anonymousId) };
    configure(api as Ask0, { ...options, host }, () => import("./more.js"));
    connect();
  }
  return ask0;
}

export { follow } from "./follow.js";
export type {
  Ask0,
  BatchItem,
  Category,
  Consent,
  ConsentState,
  Happenings,
  Options,
  Proof,
  Properties,
  User,
} from "./types.js";
export { VERSION } from "./version.js";
