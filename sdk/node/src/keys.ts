/** Keys of a project: for pages, or for servers with what they may do. */

import { type Api, segment, type WriteOptions } from "./api.js";
import type { Key } from "./entities.js";
import type { Seen } from "./segments.js";

/** A secret key needs `scopes`, of those that the caller's own key has; a write key has none. */
export interface KeyFields {
  name: string;
  kind: "write" | "secret";
  scopes?: string[];
}

/** Every call rejects with an Ask0Error. */
export class Keys {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** The oldest first, revoked ones too. */
  async list(): Promise<Key[]> {
    return (await this.#api.read("keys"))["keys"] as Key[];
  }

  /** `secret` is told in this answer alone: the same call again is 409 `already_done`. Of a write key it is null. */
  async create(fields: KeyFields, options?: WriteOptions): Promise<{ key: Key; secret: string | null }> {
    return (await this.#api.write("POST", "keys", fields, options)) as unknown as { key: Key; secret: string | null };
  }

  /** It is refused from now on; status 412 if `ifMatch` is not the present version. */
  async revoke(id: string, options: Seen): Promise<void> {
    await this.#api.write("DELETE", `keys/${segment(id)}`, undefined, options);
  }
}
