/** Exports of many users: a job, and the file that is made while it is downloaded. */

import { type Api, segment, type WriteOptions } from "./api.js";
import type { Filter, Job } from "./entities.js";
import type { Id } from "./types.js";

/** Whom: one of `segment`, `filter` and `ids`. */
export interface ExportOptions extends WriteOptions {
  segment?: string;
  filter?: Filter;
  ids?: Id[];
  /** A line of JSON for each user, unless `csv`: of everything a zip with a CSV of each part. */
  format?: "json" | "csv";
  /** Their profiles, unless `everything`. */
  what?: "profiles" | "everything";
}

/** Every call rejects with an Ask0Error. */
export class Exports {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** The job, which waits a day for `download`; `jobs.get` tells how far that is, in the end its receipt. */
  async create({ segment, filter, ids, format, what, ...options }: ExportOptions): Promise<Job> {
    const named = ids?.map((id) => `${id}`);
    const answer = await this.#api.write("POST", "exports", { segment, filter, ids: named, format, what }, options);
    return (answer["job"] ?? answer) as unknown as Job;
  }

  /**
   * The file of the job with this id, as its bytes come; pipe it into a file. One whose connection ends in the middle is
   * not whole, and can be asked for again.
   */
  async *download(job: string): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#api.stream(`exports/${segment(job)}/file`, {});
  }
}
