/** Settings of a project: how long things are kept, and whether consent is in force. */

import type { Api } from "./api.js";
import type { Privacy, Retention, RetentionDays, RetentionDryRun } from "./entities.js";
import type { Seen } from "./segments.js";

/** Every call rejects with an Ask0Error; a change with status 412 if `ifMatch` is not the present version. */
export class Settings {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** How many days what is kept; null is for ever. */
  async retention(): Promise<Retention> {
    return (await this.#api.read("settings/retention")) as unknown as Retention;
  }

  /** All of them, in place of those before: what is not named is kept for ever. It is applied a day later. */
  async putRetention(days: RetentionDays, options: Seen): Promise<Retention> {
    return (await this.#api.write("PUT", "settings/retention", days, options)) as unknown as Retention;
  }

  /** What would go now, with these days, or with those that stand. */
  async dryRunRetention(days: RetentionDays = {}): Promise<RetentionDryRun> {
    return (await this.#api.ask("settings/retention/dry-run", days)) as unknown as RetentionDryRun;
  }

  async privacy(): Promise<Privacy> {
    return (await this.#api.read("settings/privacy")) as unknown as Privacy;
  }

  async putPrivacy(privacy: Pick<Privacy, "enforceConsent">, options: Seen): Promise<Privacy> {
    return (await this.#api.write("PUT", "settings/privacy", privacy, options)) as unknown as Privacy;
  }
}
