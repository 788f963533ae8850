/** Tells the program what becomes of its events; what it does with that can break nothing here. */

import { Ask0Error } from "./errors.js";
import type { Options, Refused } from "./types.js";

export class Listeners {
  readonly #onRefused: Options["onRefused"];
  readonly #onError: Options["onError"];
  readonly #warned = new Set<string>();
  #telling = false;

  constructor({ onRefused, onError }: Options) {
    this.#onRefused = onRefused;
    this.#onError = onError;
  }

  refused(refused: Refused): void {
    const text = `an event is refused (${refused.code}): ${refused.message}`;
    this.#tell(this.#onRefused && (() => this.#onRefused?.(refused)), refused.code, text);
  }

  error(error: Ask0Error): void {
    this.#tell(this.#onError && (() => this.#onError?.(error)), error.code, error.message);
  }

  #tell(run: (() => unknown) | undefined, code: string, text: string): void {
    // A listener that tracks each refusal would be called for that event's refusal, and so on without end.
    if (!run || this.#telling) return this.#warn(code, text);
    this.#telling = true;
    try {
      const running = run();
      if (running instanceof Promise) running.catch((error) => this.#warnOf(error));
    } catch (error) {
      this.#warnOf(error);
    } finally {
      this.#telling = false;
    }
  }

  #warnOf(error: unknown): void {
    this.#warn("listener", `onRefused or onError threw ${error}`);
  }

  /** The first of each code: a gateway that is away for hours would fill the log. */
  #warn(code: string, text: string): void {
    if (this.#warned.has(code)) return;
    this.#warned.add(code);
    process.emitWarning(`${text} (said once; listen with onRefused and onError)`, "Ask0Warning", code);
  }
}
