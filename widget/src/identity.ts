/** Who the visitor is: a guest with an id of our making, and the user the site named. */

import { attempt } from "./attempt.js";
import { digest, uuid7 } from "./ids.js";
import { remember, state } from "./state.js";
import type { BatchItem, Proof, User } from "./types.js";

const MAX_ID = 255; // the gateway refuses longer ones, and would refuse all that follows

/** What the site's server has signed for the user; in memory alone. */
export let token: string | undefined;

export const currentIds = ({ anonymousId, userId } = state()) => ({ anonymousId, userId });

/** The cookie wins: a site's own server may set it, for longer than a script can. Each visit prolongs it. */
export function initIdentity(): void {
  const cookie = attempt(() => /ask0=(g-[\w-]+)/.exec(document.cookie)?.[1]);
  remember({ anonymousId: cookie ?? state().anonymousId ?? "g-" + uuid7() });
}

/** False if the same was said before. */
export function setUser(id: User["id"], event: BatchItem, proof?: Proof): boolean {
  const before = state();
  const userId = id?.toString().slice(0, MAX_ID) || before.userId;
  if ((before.userId ?? userId) !== userId) forget();
  token = proof?.token ?? token;
  remember({ userId });
  const said = digest(JSON.stringify([userId, event])); // may throw
  remember({ said });
  return said !== before.said;
}

/** What was said may not have arrived: the next `setUser` counts as new. */
export const invalidateIdentity = () => remember({ said: 0 });

export function forget(): void {
  token = undefined;
  remember({ userId: undefined, said: 0, anonymousId: "g-" + uuid7() });
}
