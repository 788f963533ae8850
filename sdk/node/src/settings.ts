/** Settings of a project: how long things are kept, consent, who may chat, and how users prove who they are. */

import { type Api, segment, type WriteOptions } from "./api.js";
import type { Chat, Privacy, Retention, RetentionDays, RetentionDryRun, Verification } from "./entities.js";
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

  async chat(): Promise<Chat> {
    return (await this.#api.read("settings/chat")) as unknown as Chat;
  }

  async putChat(chat: Pick<Chat, "permission">, options: Seen): Promise<Chat> {
    return (await this.#api.write("PUT", "settings/chat", chat, options)) as unknown as Chat;
  }

  async verification(): Promise<Verification> {
    return (await this.#api.read("settings/verification")) as unknown as Verification;
  }

  async putVerification(wanted: Pick<Verification, "required" | "readable">, options: Seen): Promise<Verification> {
    return (await this.#api.write("PUT", "settings/verification", wanted, options)) as unknown as Verification;
  }

  /** With an RSA public key as PEM for RS256; without one an HS256 secret is made, and told in this answer alone. */
  async addVerificationKey(
    key: { publicKey?: string } = {},
    options?: WriteOptions,
  ): Promise<{ id: string; secret: string | null; verification: Verification }> {
    const made = await this.#api.write("POST", "settings/verification/keys", key, options);
    return made as unknown as { id: string; secret: string | null; verification: Verification };
  }

  async removeVerificationKey(id: string, options: Seen): Promise<void> {
    await this.#api.write("DELETE", `settings/verification/keys/${segment(id)}`, undefined, options);
  }
}
