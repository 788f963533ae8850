// The default export loads its plugins from RudderStack's servers; this one has them inside.
import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";

const { origin } = new URL(import.meta.url);
const analytics = new RudderAnalytics();
analytics.load("bench", origin, { configUrl: origin });
self.send = (n, filler) => analytics.track("bench", { bench: n, filler });
