/** ask0.js#KEY: makes `window.ask0` live, and first makes the calls that the snippet recorded. */

import { start } from "./start.js";

const { src } = document.currentScript as HTMLScriptElement;

start(src, Object.fromEntries(new URLSearchParams("writeKey=" + src.split("#")[1])));
