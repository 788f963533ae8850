/** @ask0/browser: identify and track the users of AI assistants. */

export { createAsk0 } from "./client.js";
export type { Ask0, BatchItem, Options, Properties, User } from "./types.js";
export { VERSION } from "./version.js";
