/** Makes calls to Ask0 and times them: from the click to the row in ClickHouse. */

import type { BatchItem, Properties } from "../src/types.js";
import { find } from "./dom.js";
import type { Person } from "./people.js";

export interface Told {
  /** As `ask0.events` will have it: the event's name, or the type of call. */
  name: string;
  at: number;
  clicked: number;
}

let waiting: Told[] = [];
let listener = () => {};

/** `run` is called whenever there is something to wait for. */
export function whenTold(run: () => void): void {
  listener = run;
}

export function told(): readonly Told[] {
  return waiting;
}

export function forget(found: ReadonlySet<Told>): void {
  waiting = waiting.filter((told) => !found.has(told));
}

export function tell(name: string, properties: Properties): void {
  make([name], `track("${name}", ${literal(properties)})`, () => window.ask0.track(name, properties));
}

export function tellAll(items: BatchItem[]): void {
  make(items.map(({ event }) => String(event)), `batch(${literal(items)})`, () => window.ask0.batch(items));
}

export function tellPage(name: string): void {
  make([name], `page("${name}")`, () => window.ask0.page(name));
}

/** The same person again sends nothing, so then there is nothing to wait for either. */
export function tellWho(person: Person, isNew: boolean): void {
  make(isNew ? ["identify"] : [], `identify(${literal(person)})`, () => window.ask0.identify(person));
}

export function tellReset(): void {
  make([], "reset()", () => window.ask0.reset());
}

/** The widget gathers events for up to two seconds; a demo of how fast a row is there asks for them at once. */
function make(names: string[], source: string, call: () => void): void {
  const at = Date.now();
  waiting.push(...names.map((name) => ({ name, at, clicked: performance.now() })));
  call();
  window.ask0.flush();
  listener();
  find("call").textContent = `ask0.${source}`;
}

/** As one would write it. */
function literal(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/"(\w+)":/g, "$1:");
}
