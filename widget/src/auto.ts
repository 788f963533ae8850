/** auto.js with data-ask0="KEY": the widget without a snippet, which tells of page views by itself. */

import { options } from "./config.js";
import { follow } from "./follow.js";
import { currentIds } from "./identity.js";
import { renew } from "./renew.js";
import { start } from "./start.js";
import { hasConsent } from "./state.js";

const { src, dataset } = document.currentScript as HTMLScriptElement;

start(src, { ...dataset, writeKey: dataset.ask0 }, (ask0) => {
  const { host, writeKey, cookieDomain = location.hostname } = options;
  if (hasConsent() && new URL(host).hostname.endsWith(cookieDomain)) void renew(host, writeKey, currentIds().anonymousId);
  ask0.page();
  follow(() => ask0.page());
});
