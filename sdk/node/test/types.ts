/** What the compiler takes, and what it does not; read by tsc alone. */

import { createReadStream } from "node:fs";
import { Ask0, Ask0Error, type ListOptions, type Refused, type User } from "../src/index.js";

const ask0 = new Ask0({
  secretKey: "sk_…",
  host: "https://ask0.example.com",
  fetch,
  onRefused: ({ event, code, message }: Refused) => console.error(event, code, message),
  onError: ({ code, status, retryAfter }) => console.error(code.length, status.toFixed(), retryAfter?.toFixed()),
});

ask0.track("Feature Used", { userId: "u", feature: "API" });
ask0.track({ userId: "u", event: "Feature Used", properties: { feature: "API" } });
ask0.identify({ id: "u", email: "a@b.c", anything: [1] });
ask0.identify(42, { plan: "pro" });
ask0.group("acme", { userId: "u" });
ask0.alias("u", "g-1");
ask0.page({ userId: "u", name: "Docs" });
ask0.batch([
  { event: "A", userId: "u", page: "/docs" },
  { id: "u", plan: "pro" },
]);

// @ts-expect-error An event has a name.
ask0.track({ userId: "u" });
// @ts-expect-error Nobody is named.
ask0.track("Feature Used");
// @ts-expect-error An id is text or a number.
ask0.alias({}, "g-1");
// @ts-expect-error There is no client without a key.
new Ask0({ host: "https://ask0.example.com" });

const words = (text: string | null) => text ?? "";

export async function main(): Promise<User[]> {
  const user = await ask0.users.get("u");
  const plan: string | null = user.plan;
  const options: ListOptions = { filter: { plan }, limit: 5 };
  const page = await ask0.users.list(options);
  const next: string | null = page.next;
  for await (const { id } of ask0.users.iterate({ search: words(next) })) id.toUpperCase();
  for await (const part of ask0.users.export("u")) part.byteLength.toFixed();
  const saved = await ask0.users.upsert({ id: "u", plan: "pro" });
  if ("change" in saved) console.log((await ask0.changes.get("c")).status);
  const report = await ask0.users.import(() => createReadStream("users.csv"), { format: "csv" });
  for (const { line, code } of report.lines) console.log(line.toFixed(), code);
  const { events, version } = await ask0.settings.retention();
  await ask0.settings.putRetention({ events: events ?? 400 }, { ifMatch: version });
  // @ts-expect-error A file is CSV or JSON lines.
  await ask0.users.import("users.xlsx", { format: "xlsx" });
  // @ts-expect-error A setting is changed by who has seen it.
  await ask0.settings.putPrivacy({ enforceConsent: true });
  const [segment] = await ask0.segments.list();
  if (segment) await ask0.segments.update(segment.id, { name: "New" }, { ifMatch: segment.version ?? "*" });
  // @ts-expect-error A segment is changed by who has seen it.
  await ask0.segments.update("seg_1", { name: "New" });
  // @ts-expect-error An upsert says whom.
  await ask0.users.upsert({ plan: "pro" });
  const { allowed } = await ask0.access({ user: "u" });
  const sent: boolean = await ask0.flush({ timeoutMs: 5 });
  console.log(allowed, sent);
  return page.map((one) => one);
}

export const isGone = (error: unknown) => error instanceof Ask0Error && error.code === "unknown_user";
