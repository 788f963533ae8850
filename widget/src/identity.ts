/** Who the visitor is: a guest with an id of our making, and the user the site named. */

import { attempt } from "./attempt.js";
import { digest, uuid7 } from "./ids.js";
import { openArea, write } from "./storage.js";
import type { Properties } from "./types.js";

export interface Identity {
  who(): { anonymousId: string; userId?: string };
  /** False if the same was said before. */
  become(userId: string | undefined, traits: Properties): boolean;
  /** What was said may not have arrived: the next `become` counts as new. */
  doubt(): void;
  forget(): void;
}

/**
 * `prefix` keeps the projects' users apart; the guest's id is the site's. Storage is read anew each time, because other
 * tabs change it.
 */
export function openIdentity(prefix: string): Identity {
  const area = openArea("localStorage");
  const user = prefix + "user";
  const said = prefix + "said";

  /** The cookie wins: a site's own server may set it, for longer than a script can. */
  const known = () => readCookie() || area.ask0 || meet();

  function meet(id = "g-" + uuid7(Date.now())): string {
    writeCookie(id);
    write(area, "ask0", id);
    return id;
  }

  const doubt = () => write(area, said);

  function forget(): void {
    write(area, user);
    doubt();
    meet();
  }

  meet(known()); // each visit prolongs the cookie

  return {
    who: () => ({ anonymousId: known(), userId: area[user] }),
    become(userId = area[user], traits) {
      if (area[user] && area[user] !== userId) forget();
      const saying = digest(JSON.stringify([userId, traits]));
      if (saying === area[said]) return false;
      write(area, user, userId);
      write(area, said, saying);
      return true;
    },
    doubt,
    forget,
  };
}

const readCookie = () => attempt(() => /\bask0=(g-[\w-]+)/.exec(document.cookie)?.[1]);

function writeCookie(id: string): void {
  attempt(() => {
    const secure = location.protocol === "https:" ? ";secure" : "";
    document.cookie = `ask0=${id};path=/;max-age=31536000;samesite=lax${secure}`;
  });
}
