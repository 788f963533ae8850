/** The filter as rows that people can build, and as the one filter language; and as a sentence. */
import { text } from "../../text/en";

export interface Condition {
  kind: "trait" | "tag" | "status" | "stage" | "did";
  name: string; // of the trait or the event; the value of the others
  op: string;
  value: string;
}

export interface Built {
  match: "all" | "any";
  conditions: Condition[];
}

export type Filter = Record<string, unknown>;

export const STATUSES = ["Active", "Unconfirmed", "Guest", "Deactivated"];
const SEARCHED = ["id", "email", "customerId", "name", "firstName", "lastName"];
const NO_VALUE = ["set", "notSet"];
const SPANS = ["inLast", "notInLast"];
const SPAN = /^\d+[a-z]$/; // 7d, 24h
const COMPARED = ["gt", "gte", "lt", "lte"];

export const traitOps = Object.keys(text.filters.ops);

export function takesValue(op: string): boolean {
  return !NO_VALUE.includes(op);
}

/** Null for no conditions. One that is still being written does not count yet. */
export function toFilter({ match, conditions }: Built): Filter | null {
  const leaves = conditions.filter(isWhole).map(leafOf);
  return leaves.length ? { [match]: leaves } : null;
}

function isWhole({ kind, name, op, value }: Condition): boolean {
  if (!name.trim()) return false;
  if (kind === "did") return !value || SPAN.test(value);
  if (kind !== "trait" || !takesValue(op)) return true;
  return isSpan(op) ? SPAN.test(value) : value.trim() !== "";
}

function leafOf({ kind, name, op, value }: Condition): Filter {
  if (kind === "did") {
    const leaf = { did: name, ...(value && { when: { last: value } }) };
    return op === "did" ? leaf : { not: leaf };
  }
  if (kind !== "trait") return op === "is" ? { [kind]: name } : { not: { [kind]: name } };
  if (!takesValue(op)) return { trait: name, op };
  if (op === "in" || op === "notIn") return { trait: name, op, value: value.split(",").map((one) => one.trim()) };
  return {
    trait: name,
    op,
    value: COMPARED.includes(op) && value.trim() && !isNaN(Number(value)) ? Number(value) : value,
  };
}

/** Null where it is more than rows can say: it was written by hand, and is shown as it is. */
export function fromFilter(filter: Filter | null): Built | null {
  if (!filter) return { match: "all", conditions: [] };
  const match = "all" in filter ? "all" : "any" in filter ? "any" : null;
  if (!match) {
    const only = conditionOf(filter);
    return only && { match: "all", conditions: [only] };
  }
  const conditions = flat(filter, match).map(conditionOf);
  return conditions.every((one) => one !== null) ? { match, conditions: conditions as Condition[] } : null;
}

function flat(filter: Filter, match: "all" | "any"): Filter[] {
  return (filter[match] as Filter[]).flatMap((one) => (match in one ? flat(one, match) : [one]));
}

function conditionOf(leaf: Filter): Condition | null {
  if ("not" in leaf) {
    const inner = conditionOf(leaf.not as Filter);
    if (!inner || inner.kind === "trait") return null;
    return { ...inner, op: inner.kind === "did" ? "didNot" : "isNot" };
  }
  if (typeof leaf.trait === "string") {
    const value = Array.isArray(leaf.value) ? leaf.value.join(", ") : String(leaf.value ?? "");
    return traitOps.includes(String(leaf.op)) ? { kind: "trait", name: leaf.trait, op: String(leaf.op), value } : null;
  }
  for (const kind of ["tag", "status", "stage"] as const) {
    if (typeof leaf[kind] === "string") return { kind, name: leaf[kind] as string, op: "is", value: "" };
  }
  if (typeof leaf.did === "string" && !leaf.where && !leaf.times) {
    const when = leaf.when as { last?: string } | undefined;
    return when && !when.last ? null : { kind: "did", name: leaf.did, op: "did", value: when?.last ?? "" };
  }
  return null;
}

/** Whoever the list shows, as one filter: each word of the search is somewhere in who they are. */
export function whoever(filter: Filter | null, segment: string, search: string): Filter {
  const words = search.split(/\s+/).filter(Boolean);
  return {
    all: [
      ...(filter ? [filter] : []),
      ...(segment ? [{ segment }] : []),
      ...words.map((value) => ({ any: SEARCHED.map((trait) => ({ trait, op: "contains", value })) })),
    ],
  };
}

/** As people say it. */
export function sentence(filter: Filter | null): string {
  if (!filter) return text.filters.everyone;
  return said(filter);
}

function said(leaf: Filter): string {
  if (Array.isArray(leaf.all)) return joined(leaf.all as Filter[], text.filters.and) || text.filters.everyone;
  if (Array.isArray(leaf.any)) return joined(leaf.any as Filter[], text.filters.or);
  if (leaf.not) return `${text.filters.not} (${said(leaf.not as Filter)})`;
  if (typeof leaf.did === "string") {
    const last = (leaf.when as { last?: string } | undefined)?.last;
    return `${text.filters.did} “${leaf.did}”${last ? ` ${text.filters.within(last)}` : ""}`;
  }
  if (typeof leaf.trait === "string") {
    const op = text.filters.ops[leaf.op as keyof typeof text.filters.ops] ?? String(leaf.op);
    const value = Array.isArray(leaf.value) ? leaf.value.join(", ") : leaf.value;
    return `${leaf.trait} ${op}${value === undefined ? "" : ` ${typeof value === "object" ? JSON.stringify(value) : String(value)}`}`;
  }
  const [kind, value] = Object.entries(leaf)[0] ?? ["", ""];
  return `${kind} ${text.filters.ops.is} ${Array.isArray(value) ? value.join(", ") : String(value)}`;
}

function joined(leaves: Filter[], word: string): string {
  return leaves.map((leaf) => (leaf.all || leaf.any ? `(${said(leaf)})` : said(leaf))).join(` ${word} `);
}

export function isSpan(op: string): boolean {
  return SPANS.includes(op);
}

/** Of the address; null for none, and for what is no JSON. */
export function readFilter(written: string): Filter | null {
  if (!written) return null;
  try {
    const found: unknown = JSON.parse(written);
    return found && typeof found === "object" ? (found as Filter) : null;
  } catch {
    return null;
  }
}
