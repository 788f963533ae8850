/** What the browser knows about the moment of an event. The user agent travels as a header. */

import { VERSION } from "./version.js";

export function describeContext() {
  return {
    page: { url: location.href, path: location.pathname, title: document.title, referrer: document.referrer },
    library: { name: "ask0", version: VERSION },
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}
