/** Identifiers. */

let made = 0;

/** A UUIDv7 (RFC 9562): epoch ms, a counter, so that ids made in one millisecond keep their order, then chance. */
export function uuid7(now: number): string {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint32Array(2));
  const time = hex(now, 12);
  const counter = 7 + hex(made++ % 4096, 3);
  return [time.slice(0, 8), time.slice(8), counter, 8 + hex(a >>> 20, 3), hex((a % 65536) * 2 ** 32 + b, 12)].join("-");
}

/** 32 bits that stand for a text (FNV-1a's step). */
export function digest(text: string): string {
  let hash = 0;
  for (const char of text) hash = Math.imul(hash ^ char.codePointAt(0)!, 16777619);
  return String(hash);
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, "0");
}
