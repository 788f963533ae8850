/** Programs that end: in a process of their own, as they would. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { hang, serve } from "./server.js";

const ENTRY = new URL("../dist/esm/index.js", import.meta.url).href;

/** Runs a program with `ask0`, a client of the gateway; its exit code, what it printed, and for how long it ran. */
async function run(gateway, program, options = "") {
  const text = `import { Ask0 } from "${ENTRY}";
    const ask0 = new Ask0({ secretKey: "sk_test", host: "${gateway.url}", flushIntervalMs: 60_000, ${options}
      onError() {}, onRefused: ({ code }) => console.log(code) });
    ${program}`;
  const started = performance.now();
  const child = spawn(process.execPath, ["--input-type=module", "--eval", text]);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (said += part));
  const code = await new Promise((done) => child.on("close", done));
  return { code, said, ms: performance.now() - started };
}

test("a program that has nothing more to do sends what is queued, and ends before the interval does", async () => {
  const gateway = await serve({ status: 503 });
  const { code, said, ms } = await run(gateway, 'ask0.track("A", { userId: "u" }); ask0.track("B", { userId: "u" });');
  assert.deepEqual([code, said], [0, ""]);
  assert.deepEqual(
    gateway.batches().map((batch) => batch.length),
    [2, 2],
  );
  assert.ok(ms < 10_000);
});

test("a client that is idle, or has sent everything, keeps no process alive", async () => {
  const gateway = await serve();
  const { code, ms } = await run(gateway, 'ask0.track("A", { userId: "u" }); await ask0.flush();');
  assert.equal(code, 0);
  assert.ok(ms < 4_000);
});

test("whoever awaits a flush is kept alive until it is over", async () => {
  const gateway = await serve({ status: 429, headers: { "retry-after": "1" } });
  const { code, said } = await run(gateway, 'ask0.track("A", { userId: "u" }); console.log(await ask0.flush());');
  assert.deepEqual([code, said], [0, "true\n"]);
});

test("a program ends although the gateway is away, and has told of each event", async () => {
  const gateway = await serve();
  gateway.always = () => hang;
  const program = 'ask0.track("A", { userId: "u" }); await ask0.close({ timeoutMs: 200 });';
  const { code, said, ms } = await run(gateway, program);
  assert.deepEqual([code, said], [0, "closed\n"]);
  assert.ok(ms < 4_000);
});

test("a program does not wait for ever for a gateway that hangs, and tells of each event", async () => {
  const gateway = await serve();
  gateway.always = () => hang;
  const hurry = "const real = setTimeout; globalThis.setTimeout = (run, ms) => real(run, ms / 20);"; // 15 s are 0.75 s
  const { code, said, ms } = await run(gateway, `${hurry} ask0.track("A", { userId: "u" });`);
  assert.deepEqual([code, said], [0, "unsent\n"]);
  assert.ok(ms < 5_000);
});

test("a signal's handler that closes the client loses nothing", async () => {
  const gateway = await serve();
  const program = `process.once("SIGTERM", async () => { await ask0.close(); process.exit(0); });
    setInterval(() => {}, 1_000);
    ask0.track("A", { userId: "u" });
    process.kill(process.pid, "SIGTERM");`;
  const { code } = await run(gateway, program);
  assert.deepEqual([code, gateway.events().length], [0, 1]);
});

test("many clients make no warning, and each sends what it has", async () => {
  const gateway = await serve();
  const program = `for (let n = 0; n < 30; n++)
    new Ask0({ secretKey: "sk_test", host: "${gateway.url}" }).track("A", { userId: "u" });`;
  const { code, said } = await run(gateway, program);
  assert.deepEqual([code, said, gateway.requests.length], [0, "", 30]);
});
