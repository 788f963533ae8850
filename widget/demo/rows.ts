/** What ClickHouse has of this visitor: polled, shown, and matched with what was done here. */

import { element, find, nothing, table } from "./dom.js";
import { guest, loggedIn } from "./people.js";
import { forget, told, whenTold, type Told } from "./tell.js";

type Row = Record<string, unknown>;

interface Rows {
  users: Row[];
  conversations: Row[];
  identities: Row[];
  events: Row[];
}

const BUSY_MS = 60;
const IDLE_MS = 2_000;
const SHOWN_EVENTS = 12;
const SHOWN_OTHERS = 5;
const FACTS = ["name", "email", "company", "plan", "role", "status"];
const COUNTS = ["conversations", "questions", "answered", "satisfaction"];

const visibleAfter = new Map<string, number>(); // by message_id
const beat = find("beat");
let timer: ReturnType<typeof setTimeout>;
let asking = false;
let shown = "";

export function startRows(): void {
  whenTold(poll);
  document.addEventListener("visibilitychange", poll);
  poll();
}

function poll(): void {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  void ask().finally(() => {
    asking = false;
    timer = setTimeout(poll, told().length ? BUSY_MS : IDLE_MS);
  });
}

async function ask(): Promise<void> {
  const visitor = loggedIn()?.id ?? guest();
  if (!visitor) return; // the widget is not there yet
  try {
    const answer = await fetch(`demo/rows?user=${encodeURIComponent(visitor)}`);
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    const rows: Rows = JSON.parse(text);
    rows.events.sort(newestFirst);
    const found = match(rows.events);
    if (found || text !== shown) show(visitor, rows);
    shown = text;
    setBeat("live", "live");
  } catch {
    setBeat("away", "no answer, trying again");
  }
}

/** Which of the calls made here have become rows: same name, not older than the click, each row for one call. */
function match(events: Row[]): boolean {
  const found = new Set<Told>();
  const now = performance.now();
  for (const row of [...events].reverse()) {
    const id = String(row.message_id);
    const [name, at] = [nameOf(row), timeOf(row.timestamp)];
    const call = told().find((told) => told.name === name && told.at <= at && !found.has(told));
    if (!call || visibleAfter.has(id)) continue;
    found.add(call);
    visibleAfter.set(id, now - call.clicked);
  }
  if (!found.size) return false;
  const slowest = Math.max(...[...found].map(({ clicked }) => now - clicked));
  const names = [...found].map(({ name }) => name).join(", ");
  forget(found);
  find("latency").textContent = inMs(slowest);
  find("status").textContent = `${names}: in ClickHouse after ${Math.round(slowest)} milliseconds`;
  return true;
}

function show(visitor: string, { users, conversations, identities, events }: Rows): void {
  const user = users.find(({ id }) => id === visitor) ?? users[0];
  find("user").replaceChildren(user ? profile(user) : nothing("Nobody yet."));
  find("conversations").replaceChildren(
    conversations.length
      ? table(
          "Conversations",
          ["title, status", "questions", "satisfaction"],
          conversations.slice(0, SHOWN_OTHERS).map(conversationCells),
        )
      : nothing("None yet: ask the assistant."),
  );
  find("identities").replaceChildren(
    identities.length
      ? table(
          "Identities",
          ["anonymous_id", "user_id"],
          identities.slice(0, SHOWN_OTHERS).map((row) => [code(row.anonymous_id), code(row.user_id)]),
        )
      : nothing("None yet: log in, and the guest becomes a user."),
  );
  find("events").replaceChildren(
    events.length
      ? table("Events", ["event, properties", "visible after"], events.slice(0, SHOWN_EVENTS).map(eventCells))
      : nothing("No rows yet."),
  );
  find("sql").textContent = `ask0 sql "SELECT * FROM ask0.events WHERE user_id = '${text(user?.id ?? visitor)}'"`;
}

function profile(user: Row): HTMLElement {
  const list = element("dl", {}, ...pair("id", user.id));
  for (const field of [...FACTS, ...COUNTS]) {
    if (user[field] != null && user[field] !== "") list.append(...pair(field, user[field]));
  }
  for (const [name, value] of Object.entries((user.traits as Row | undefined) ?? {})) {
    list.append(...pair(`traits.${name}`, value));
  }
  return list;
}

function pair(name: string, value: unknown): HTMLElement[] {
  return [element("dt", {}, name), element("dd", {}, text(value))];
}

function conversationCells(row: Row): (Node | string)[] {
  const status = element("span", { class: "status" }, text(row.status));
  return [element("div", {}, text(row.title), status), text(row.questions), text(row.satisfaction)];
}

function eventCells(row: Row): (Node | string)[] {
  const when = new Date(timeOf(row.timestamp));
  const clock = when.toLocaleTimeString([], { hour12: false });
  const after = visibleAfter.get(String(row.message_id));
  const name = element("span", { class: "name" }, nameOf(row));
  const cell = element("div", {}, name, element("time", { datetime: when.toISOString() }, clock), code(row.properties));
  return [cell, after === undefined ? "" : element("span", { class: "after" }, inMs(after))];
}

/** Message ids of one page keep the order of its calls, even within a millisecond. */
function newestFirst(a: Row, b: Row): number {
  return timeOf(b.timestamp) - timeOf(a.timestamp) || (String(a.message_id) < String(b.message_id) ? 1 : -1);
}

function nameOf(row: Row): string {
  return String(row.event || row.type);
}

/** ClickHouse writes `2026-11-22 01:26:00.123`, in UTC. */
function timeOf(value: unknown): number {
  return Date.parse(`${String(value).replace(" ", "T").replace("Z", "")}Z`);
}

function inMs(ms: number): string {
  return `${Math.round(ms)} ms`;
}

function code(value: unknown): HTMLElement {
  return element("code", {}, text(value));
}

function text(value: unknown): string {
  if (value == null || value === "") return "–";
  if (typeof value === "object") return JSON.stringify(value).replace(/,"/g, ', "');
  return typeof value === "number" && !Number.isInteger(value) ? value.toFixed(2) : String(value);
}

function setBeat(state: string, label: string): void {
  if (beat.dataset.state === state) return;
  beat.dataset.state = state;
  beat.textContent = label;
}
