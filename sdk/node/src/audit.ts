/** The audit log: who did what. */

import { type Api, pageOf, segment } from "./api.js";
import type { AuditEntry, List } from "./entities.js";
import type { Id } from "./types.js";

/** All of it has to hold. Times are ISO 8601; `until` is not among what is found. */
export interface AuditOptions {
  actor?: string;
  action?: string;
  entity?: string;
  entityId?: Id;
  since?: string;
  until?: string;
  limit?: number;
  cursor?: string;
}

/** Every call rejects with an Ask0Error. */
export class Audit {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** One page, the newest first. */
  async list(options: AuditOptions = {}): Promise<List<AuditEntry>> {
    return pageOf(await this.#api.read("audit", { ...options }), "audit");
  }

  /** One page of what was said of a user, by themselves or by others. */
  async ofUser(id: Id, options: Pick<AuditOptions, "limit" | "cursor"> = {}): Promise<List<AuditEntry>> {
    return pageOf(await this.#api.read(`users/${segment(id)}/audit`, { ...options }), "audit");
  }
}
