/** The parts of examples/documented.js, as functions. */

import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../examples/documented.js", import.meta.url), "utf8");
const AsyncFunction = (async () => {}).constructor;
const USER = { id: "user_123", email: "john@example.com", name: "John Doe", subscription: { plan: "pro" } };

export const titles = [];
const parts = new Map();
for (const part of text.split(/^\/\/ ## /m).slice(1)) {
  const [title] = part.split("\n", 1);
  const login = "\nif (typeof onUserLogin === 'function') onUserLogin(person);";
  titles.push(title);
  parts.set(title, new AsyncFunction("ask0", "window", "currentUser", "person", part.slice(title.length) + login));
}

export const runPart = (title, ask0) => parts.get(title)(ask0, { ask0 }, { id: "user_123", name: "John Doe" }, USER);
