import { init, track } from "@plausible-analytics/tracker";

// captureOnLocalhost also takes a browser that is driven by a program for a visitor.
init({ domain: "bench.example", endpoint: new URL("/api/event", import.meta.url).href, captureOnLocalhost: true });
self.send = (n, filler) => track("bench", { props: { bench: n, filler } });
