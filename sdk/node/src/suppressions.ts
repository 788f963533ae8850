/** Who is erased: whatever comes of them is dropped, until that is lifted. */

import { type Api, segment, type WriteOptions } from "./api.js";
import type { Id } from "./types.js";

/** Every call rejects with an Ask0Error. */
export class Suppressions {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** What is received of the user from now on is kept; status 404 if nobody of this id is erased. */
  async lift(id: Id, options?: WriteOptions): Promise<void> {
    await this.#api.write("POST", `suppressions/${segment(id)}/lift`, undefined, options);
  }
}
