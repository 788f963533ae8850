/** What the widget remembers of the person, in storage and cookie. */

import { attempt } from "./attempt.js";
import { options, place } from "./config.js";
import type { Consent } from "./types.js";

export interface State {
  anonymousId?: string;
  userId?: string;
  /** Stands for what was last said of who the visitor is. */
  said?: number;
}

const MAX_AGE_SECONDS = 30_000_000; // of the cookie: nearly a year

/** The browser's storage; an object where it has none to give, or no room. */
export let disk = (attempt(() => localStorage) ?? {}) as Record<string, string | undefined>;

/** Read anew each time: other tabs change it. */
export const read = (key: string) => attempt(() => JSON.parse(disk[key]!)) ?? {};

/** What the person chose. It has a key of its own, which only a choice writes: no tab may write over a withdrawal. */
export const chosen = (): Consent => read(place);
export const state = (): State => read(place + "!");

/** What the person chose, else what their browser says, else what the site starts with. */
export const analytics = () =>
  chosen().analytics ?? ((navigator as Browser).globalPrivacyControl ? "denied" : (options.consent ?? "granted"));

export const agreed = () => analytics() === "granted";

/** Nothing removes what is there, as it does where the person does not agree; but their choice is kept. */
export function store(key: string, value?: object): void {
  const text = JSON.stringify(value);
  attempt(() => (key === place || (agreed() && text) ? (disk[key] = text) : delete disk[key])) ??
    (disk = { ...disk, [key]: text });
}

/** Changes what is remembered; of those who do not agree, nothing is. */
export function remember(changes: State): void {
  const next = { ...state(), ...changes };
  const seconds = agreed() ? MAX_AGE_SECONDS : 0;
  store(place + "!", next);
  attempt(() => {
    const secure = isSecureContext && "secure"; // what browsers do not know they ignore, as they do an empty domain
    const domain = options.cookieDomain ?? "";
    document.cookie = `ask0=${next.anonymousId};domain=${domain};max-age=${seconds};path=/;samesite=lax;${secure}`;
  });
}

interface Browser {
  globalPrivacyControl?: boolean;
}
