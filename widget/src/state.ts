/** What the widget remembers of the person, in storage and cookie. */

import { attempt } from "./attempt.js";
import { options, storageKey } from "./config.js";
import type { Consent } from "./types.js";

export interface State {
  anonymousId?: string;
  userId?: string;
  /** Stands for what was last said of who the visitor is. */
  said?: number;
}

const MAX_AGE_SECONDS = 30_000_000; // of the cookie: nearly a year

/** The browser's storage; an object where it has none to give, or no room. */
export let storage = (attempt(() => localStorage) ?? {}) as Record<string, string | undefined>;

/** Read anew each time: other tabs change it. */
export const read = (key: string) => attempt(() => JSON.parse(storage[key]!)) ?? {};

/** What the person chose. It has a key of its own, which only a choice writes: no tab may write over a withdrawal. */
export const consentChoices = (): Consent => read(storageKey);
export const state = (): State => read(storageKey + "!");

/** What the person chose, else what their browser says, else what the site starts with. */
export const analytics = () =>
  consentChoices().analytics ?? ((navigator as Browser).globalPrivacyControl ? "denied" : (options.consent ?? "granted"));

export const hasConsent = () => analytics() === "granted";

/** Nothing removes what is there, as it does where the person does not agree; but their choice is kept. */
export function store(key: string, value?: object): void {
  const text = JSON.stringify(value);
  attempt(() => (key === storageKey || (hasConsent() && text) ? (storage[key] = text) : delete storage[key])) ??
    (storage = { ...storage, [key]: text });
}

/** Changes what is remembered; of those who do not agree, nothing is. */
export function remember(changes: State): void {
  const next = { ...state(), ...changes };
  const seconds = hasConsent() ? MAX_AGE_SECONDS : 0;
  store(storageKey + "!", next);
  attempt(() => {
    const secure = isSecureContext && "secure"; // what browsers do not know they ignore, as they do an empty domain
    const domain = options.cookieDomain ?? "";
    document.cookie = `ask0=${next.anonymousId};domain=${domain};max-age=${seconds};path=/;samesite=lax;${secure}`;
  });
}

interface Browser {
  globalPrivacyControl?: boolean;
}
