/** ask0.js#KEY: makes `window.ask0` live, and first makes the calls that the snippet recorded. */

import { connect } from "./client.js";
import { whenShown } from "./lifecycle.js";
import type { Ask0, Call } from "./types.js";

const { src } = document.currentScript as HTMLScriptElement;

whenShown(() => {
  const ask0: Window["ask0"] = (window.ask0 ??= {} as Ask0);
  if (ask0.dropped != null) return; // a second copy
  const make = connect(ask0, new URL("v1/batch", src).href, src.split("#")[1] ?? "");
  const recorded: Call[] = ask0.q ?? [];
  recorded.forEach(make);
  recorded.push = make as Call[]["push"]; // the snippet's methods, where a page kept them, stay good
});
