/** Stages: where users are, by rules that are tried in order. */

import type { Api } from "./api.js";
import type { Filter, Stage, StageList } from "./entities.js";
import type { Seen } from "./segments.js";

/** Without an `id` it keeps that of the stage of its name. `conditions` are Ask0's spelling of a filter. */
export interface StageFields {
  id?: string;
  name: string;
  filter?: Filter;
  conditions?: Filter;
}

/** Every call rejects with an Ask0Error. */
export class Stages {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** In the order in which they are tried: the first that holds is the user's. */
  async list(): Promise<StageList> {
    return (await this.#api.read("stages", {})) as unknown as StageList;
  }

  /** All of them, in place of those before; status 412 if `ifMatch` is not the present version. */
  async put(stages: (StageFields | Stage)[], options: Seen): Promise<StageList> {
    return (await this.#api.write("PUT", "stages", { stages }, options)) as unknown as StageList;
  }
}
