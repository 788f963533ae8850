/** Says many events to a gateway in trouble: node calls.js HOST KEY USER COUNT. Fails if one of them is not taken. */

import { Ask0 } from "@ask0/node";

const [, , host, secretKey, userId, count] = process.argv;
const ask0 = new Ask0({
  secretKey,
  host,
  onError: () => {},
  onRefused: ({ code, message }) => {
    console.error(code, message);
    process.exitCode = 1;
  },
});
for (let n = 0; n < Number(count); n++) ask0.track("Asked", { userId, n });
await ask0.close({ timeoutMs: 60_000 });
