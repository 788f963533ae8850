/** The people one can be on the demo page; the site remembers who is logged in, as a site's session would. */

import type { User } from "../src/types.js";

export interface Person extends User {
  id: string;
  name: string;
}

export const PEOPLE: Person[] = [
  {
    id: "user_jane",
    email: "jane@acme.example",
    name: "Jane Doe",
    company: "Acme Corp",
    plan: "pro",
    role: "developer",
    customAttributes: { teamSize: "10-50", monthlySpend: 499, features: ["api", "webhooks", "sso"] },
  },
  {
    id: "user_omar",
    email: "omar@initech.example",
    name: "Omar Haddad",
    company: "Initech",
    plan: "free",
    role: "founder",
    customAttributes: { teamSize: "1-10", monthlySpend: 0, signupDate: "2026-11-02" },
  },
  {
    id: "user_mei",
    email: "mei@globex.example",
    name: "Mei Tanaka",
    company: "Globex",
    plan: "enterprise",
    role: "support lead",
    customAttributes: { teamSize: "500+", monthlySpend: 4200, betaFeatures: true },
  },
];

const SESSION = "acme.session";

export function loggedIn(): Person | undefined {
  return PEOPLE.find(({ id }) => id === sessionStorage.getItem(SESSION));
}

export function logIn(person: Person): void {
  sessionStorage.setItem(SESSION, person.id);
}

export function logOut(): void {
  sessionStorage.removeItem(SESSION);
}

/** The guest that the browser is: the widget's cookie, once the widget is there. */
export function guest(): string | undefined {
  return /\bask0=(g-[\w-]+)/.exec(document.cookie)?.[1];
}
