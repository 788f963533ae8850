// What a page of RudderStack's customer has in its bundle. The package's default build would load its plugins from
// RudderStack's servers; this one has them inside.
import { RudderAnalytics } from "@rudderstack/analytics-js/bundled";

const { gateway, writeKey, options } = self.settings;
self.analytics = new RudderAnalytics();
analytics.load(writeKey, gateway, { configUrl: gateway, ...options });
self.ready = new Promise((done) => analytics.ready(() => done()));
