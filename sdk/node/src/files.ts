/** Files of users as the body of a request: read while they are sent. */

import { createReadStream } from "node:fs";

/** The path of a file; bytes or text in pieces, as a stream of Node's has them; or a function that begins them anew. */
export type File = string | URL | Pieces | (() => Pieces);
export type Pieces = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/** What could not be read, and why: told apart from a connection that failed. */
export class FileBroke extends Error {
  constructor(cause: unknown) {
    super("the file could not be read", { cause });
  }
}

export interface Upload {
  /** From the beginning. Raises FileBroke. */
  open(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Else a second try would send what the first has left. */
  isRepeatable: boolean;
}

/** Raises TypeError for what is no file. */
export function uploadOf(file: File): Upload {
  if (typeof file === "function") return { open: () => bytesOf(file), isRepeatable: true };
  if (typeof file === "string" || file instanceof URL) return { open: () => bytesOf(() => createReadStream(file)), isRepeatable: true };
  if (!isPieces(file)) throw new TypeError("a file is a path, a stream, an iterable of bytes, or a function of one");
  return { open: () => bytesOf(() => file), isRepeatable: Array.isArray(file) };
}

async function* bytesOf(begin: () => Pieces): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  try {
    for await (const piece of begin()) {
      if (typeof piece !== "string" && !(piece instanceof Uint8Array)) throw new TypeError("a file is bytes, or text");
      yield typeof piece === "string" ? encoder.encode(piece) : piece;
    }
  } catch (error) {
    throw new FileBroke(error);
  }
}

function isPieces(file: unknown): file is Pieces {
  if (typeof file !== "object" || file === null) return false;
  return !(file instanceof Uint8Array) && (Symbol.iterator in file || Symbol.asyncIterator in file);
}
