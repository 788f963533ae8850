/** What the widget remembers of the person, in storage and cookie. */

import { attempt } from "./attempt.js";
import { options, place } from "./config.js";
import type { Consent } from "./types.js";

export interface State {
  /** What the person chose: stored whatever it says. */
  consent?: Consent;
  anonymousId?: string;
  userId?: string;
  /** Stands for what was last said of who the visitor is. */
  said?: number;
}

const MAX_AGE_SECONDS = 30_000_000; // of the cookie: nearly a year

/** The browser's storage; an object where it has none to give, or no room. */
export let disk = (attempt(() => localStorage) ?? {}) as Record<string, string | undefined>;

/** Read anew each time: other tabs change it. */
export const state = (): State => attempt(() => JSON.parse(disk[place]!)) ?? {};

/** What the person chose, else what their browser says, else what the site starts with. */
export const analytics = ({ consent } = state()) =>
  consent?.analytics ?? ((navigator as Browser).globalPrivacyControl ? "denied" : (options.consent ?? "granted"));

export const agreed = (given?: State) => analytics(given) === "granted";

/** Changes what is remembered: of those who do not agree, what they chose and nothing else. */
export function remember(changes: State): void {
  const next = { ...state(), ...changes };
  const { consent } = next;
  const seconds = agreed(next) ? MAX_AGE_SECONDS : 0;
  if (!seconds && !consent) return;
  const text = JSON.stringify(seconds ? next : { consent });
  attempt(() => (disk[place] = text)) ?? (disk = { [place]: text });
  attempt(() => {
    const secure = isSecureContext && "secure"; // what browsers do not know they ignore, as they do an empty domain
    const domain = options.cookieDomain ?? "";
    document.cookie = `ask0=${next.anonymousId};domain=${domain};max-age=${seconds};path=/;samesite=lax;${secure}`;
  });
}

interface Browser {
  globalPrivacyControl?: boolean;
}
