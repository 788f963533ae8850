/** Identifiers. */

let newest = 0;

/** A UUIDv7 (RFC 9562). Each is greater than those before, so that what happened in one millisecond keeps its order. */
export function uuid7(now = Date.now()): string {
  newest = Math.max(now, newest + 1);
  const time = `0${newest.toString(16)}`.replace(/.{8}/, "$&-");
  // Pages over plain http have no randomUUID: what they get is unique, but has not the form.
  return `${time}-7${(crypto.randomUUID?.() ?? Math.random().toFixed(23)).slice(-21)}`;
}

/** 32 bits that stand for a text. */
export const digest = (text: string) => [...text].reduce((hash, char) => (hash * 997 + char.codePointAt(0)!) | 0, 7);
