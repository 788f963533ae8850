/** What the browser knows about the moment of an event. The user agent travels as a header. */

import { VERSION } from "./version.js";

export function describeContext() {
  return {
    locale: navigator.language,
    page: { title: document.title, referrer: document.referrer, url: location.href, path: location.pathname },
    library: { name: "ask0", version: VERSION },
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  };
}
