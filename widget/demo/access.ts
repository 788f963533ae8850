/** Whether the visitor may chat, as the site's own server would ask with its secret key. */

import { guest, loggedIn } from "./people.js";

export interface Access {
  allowed: boolean;
  reason: string;
}

export async function mayChat(): Promise<Access> {
  const who = new URLSearchParams({ anonymous: guest() ?? "", user: loggedIn()?.id ?? "" });
  try {
    const answer = await fetch(`demo/access?${who}`);
    if (answer.ok) return (await answer.json()) as Access;
  } catch {
    // A help page that cannot ask goes on helping.
  }
  return { allowed: true, reason: "unknown" };
}
