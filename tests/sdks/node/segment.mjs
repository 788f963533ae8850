// @segment/analytics-node, pointed at the gateway.

import { Analytics } from "@segment/analytics-node";
import { host, makeCalls, writeKey } from "./calls.mjs";

const analytics = new Analytics({ writeKey, host, flushInterval: 200 });
await makeCalls(analytics);
await analytics.closeAndFlush();
