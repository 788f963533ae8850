/** Values as JSON text, whatever they are; and texts of strangers as values. */

const MAX_DEPTH = 64; // the gateway takes no more levels
const MAX_PARTS = 10_000; // what is woven like a framework's own objects has no end of paths

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object that a text holds; undefined for any other text. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What an object says it is in JSON, where it does: a database's document, a URL. */
export function asJson(value: unknown): unknown {
  const speaks = isObject(value) && typeof value["toJSON"] === "function";
  return speaks ? (value as unknown as { toJSON(): unknown }).toJSON() : value;
}

/**
 * A copy of what JSON can carry, for values that JSON.stringify throws at. What it cannot carry is left out, and the
 * place of each such part told: what contains itself, a getter that throws, what is too deep or has no end.
 */
export function mend(value: unknown, omitted: (path: string) => void): unknown {
  let room = MAX_PARTS;

  function copy(read: () => unknown, path: string, within: readonly unknown[]): unknown {
    try {
      const part = asJson(read());
      if (typeof part === "bigint") return Number.isSafeInteger(Number(part)) ? Number(part) : `${part}`;
      if (typeof part !== "object" || part === null) return part;
      if (!within.includes(part) && within.length < MAX_DEPTH) return each(part, path, [...within, part]);
    } catch {
      // A getter, a Proxy or a toJSON that throws, or too many parts.
    }
    omitted(path);
    return undefined;
  }

  function each(whole: object, path: string, within: readonly unknown[]): unknown {
    const keys = Object.keys(whole);
    if ((room -= keys.length) < 0) throw new RangeError("too many parts");
    const parts = keys.map((key): [string, unknown] => {
      return [key, copy(() => whole[key as never], path ? `${path}.${key}` : key, within)];
    });
    return Array.isArray(whole) ? parts.map(([, part]) => part) : Object.fromEntries(parts);
  }

  return copy(() => value, "", []);
}
