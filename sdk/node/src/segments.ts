/** Segments: saved questions of who meets a filter. */

import { type Api, pageOf, segment, type WriteOptions } from "./api.js";
import type { Filter, List, Segment, SegmentSize, User } from "./entities.js";
import { Ask0Error } from "./errors.js";
import type { ListOptions } from "./users.js";

/** `conditions` are Ask0's spelling of a filter. */
export interface SegmentFields {
  name?: string;
  description?: string;
  filter?: Filter;
  conditions?: Filter;
  [field: string]: unknown;
}

/** A segment is changed by who has seen it: its `version` must be named. */
export type Seen = WriteOptions & Required<Pick<WriteOptions, "ifMatch">>;

/** Every call rejects with an Ask0Error, and with a TypeError for what is no id. */
export class Segments {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** One page. */
  async list(options: Pick<ListOptions, "limit" | "cursor" | "total"> = {}): Promise<List<Segment>> {
    return pageOf(await this.#api.read("segments", { ...options }), "segments");
  }

  async get(id: string): Promise<Segment> {
    return (await this.#api.read(`segments/${segment(id)}`)) as unknown as Segment;
  }

  async create(fields: SegmentFields & { name: string }, options?: WriteOptions): Promise<Segment> {
    return (await this.#api.write("POST", "segments", fields, options)) as unknown as Segment;
  }

  /** Changes what is named; status 412 if `ifMatch` is not the present version. */
  async update(id: string, fields: SegmentFields, options: Seen): Promise<Segment> {
    return (await this.#api.write("PATCH", `segments/${segment(id)}`, fields, options)) as unknown as Segment;
  }

  async delete(id: string, options: Seen): Promise<void> {
    await this.#api.write("DELETE", `segments/${segment(id)}`, undefined, options);
  }

  /** Who is in it now. `users.iterate({ segment: id })` follows all its pages. */
  async users(id: string, options: Pick<ListOptions, "sort" | "limit" | "cursor" | "total"> = {}): Promise<List<User>> {
    return pageOf(await this.#api.read(`segments/${segment(id)}/users`, { ...options }), "users");
  }

  /** How many are in it now. */
  async count(id: string): Promise<number> {
    const { count } = await this.#api.read(`segments/${segment(id)}/count`);
    if (typeof count === "number") return count;
    throw new Ask0Error("the answer has no count", { code: "unreadable_answer" });
  }

  /** How many were in it at the end of each day, the last of them today; null of days before that was known. */
  async history(id: string, options: { days?: number } = {}): Promise<SegmentSize[]> {
    const { history } = await this.#api.read(`segments/${segment(id)}/history`, options);
    if (Array.isArray(history)) return history as SegmentSize[];
    throw new Ask0Error("the answer has no history", { code: "unreadable_answer" });
  }
}
