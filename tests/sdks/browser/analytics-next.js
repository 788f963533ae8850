// What a page of Segment's customer has in its bundle.
import { AnalyticsBrowser } from "@segment/analytics-next";

const { gateway, writeKey, options } = self.settings;
self.analytics = AnalyticsBrowser.load({ writeKey, cdnURL: gateway }, options);
self.ready = analytics.ready();
