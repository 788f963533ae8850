// @rudderstack/rudder-sdk-node, pointed at the gateway; gzip is its default. Three retries, also its default, span less
// than two seconds.

import Analytics from "@rudderstack/rudder-sdk-node";
import { host, makeCalls, writeKey } from "./calls.mjs";

const analytics = new Analytics(writeKey, { dataPlaneUrl: host, flushInterval: 200, retryCount: 10, logLevel: "error" });
await makeCalls(analytics);
await analytics.flush();
