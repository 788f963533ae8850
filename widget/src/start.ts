/** What the scripts do once a page is really shown. */

import { connect } from "./client.js";
import { configure, type Load } from "./config.js";
import { whenShown } from "./lifecycle.js";
import type { Ask0, Options } from "./types.js";

declare const __MORE__: string; // its name, beside this script

/** Makes `window.ask0` live, unless another copy has; `run` gets it. The gateway is where the script is from. */
export function start(src: string, options: object, run?: (ask0: Ask0) => void): void {
  whenShown(() => {
    const ask0: Ask0 = (window.ask0 ??= {} as Ask0);
    if ("dropped" in ask0) return;
    const host = new URL(".", src).href;
    const load: Load = () => import(host + __MORE__);
    configure(ask0, { ...options, host } as Options, load);
    connect();
    run?.(ask0);
  });
}
