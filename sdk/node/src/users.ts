/** Users: who they are, what they did, and what a server may set. */

import { setTimeout as sleep } from "node:timers/promises";
import { type Api, follow, pageOf, persist, segment, type WriteOptions } from "./api.js";
import { deliverNow } from "./delivery.js";
import type {
  Change,
  Conversation,
  Filter,
  ImportReport,
  Job,
  List,
  Pending,
  Segment,
  ServedConfig,
  ShownMessage,
  User,
} from "./entities.js";
import { Ask0Error } from "./errors.js";
import { eventOf } from "./events.js";
import { type File, uploadOf } from "./files.js";
import type { JsonObject } from "./json.js";
import type { Id, Identify, Properties } from "./types.js";

/** What of a user can be set; `attributes` and `customAttributes` are traits too, and null unsets. */
export interface UserFields {
  email?: string | null;
  name?: string | null;
  company?: string | null;
  plan?: string | null;
  role?: string | null;
  traits?: Properties;
  attributes?: Properties;
  customAttributes?: Properties;
  /** All of them, or what to add and remove. */
  tags?: string[] | { add?: string[]; remove?: string[] };
  consent?: Record<string, string>;
  [field: string]: unknown;
}

export interface ListOptions {
  filter?: Filter;
  /** Words that each stand somewhere in email, customer id, name or id. */
  search?: string;
  /** The id of a segment. */
  segment?: string;
  /** As `-lastActiveAt` or `["traits.seats", "id"]`; three at most. */
  sort?: string | string[];
  fields?: string[];
  ids?: Id[];
  /** 1 to 200; default 30. */
  limit?: number;
  /** The `next` of the page before. */
  cursor?: string;
  /** Whether the first page has an exact `total`. */
  total?: boolean;
}

export interface ConversationOptions {
  sort?: "recent" | "started";
  status?: string;
  topic?: string;
  unanswered?: boolean;
  rating?: number;
  limit?: number;
  cursor?: string;
}

export interface DeleteOptions extends WriteOptions {
  /** Else conversations stay, with their text, under a random id. */
  deleteConversations?: boolean;
  /** All stays under a random id, without personal traits and free text. */
  anonymize?: boolean;
}

export interface TransferOptions extends WriteOptions {
  /** The other one, `proj_…`. */
  project: string;
  /** A secret key of it, with the scope `users:write`. */
  key: string;
}

export interface ImportOptions {
  /** Where it is not given, JSON lines begin with a brace. */
  format?: "csv" | "jsonl";
  /** Made by the SDK unless given; give one to send the same file again after a cut. */
  idempotencyKey?: string;
}

/** What became of one user of a batch. */
export interface BatchOutcome {
  id?: string;
  [field: string]: unknown;
}

const FILE_TYPES = { csv: "text/csv", jsonl: "application/x-ndjson" };
const MAX_BATCH = 1_000;
const MAX_PAGE = 200;
const FIRST_PAUSE_MS = 100; // between two looks at a job
const LONGEST_PAUSE_MS = 5_000;
const UNFINISHED = ["waiting", "running"];
const NO_PATH = [".", "..", "properties", "query", "batch"]; // ids that no path can hold: the API has others there

/** Every call rejects with an Ask0Error, and with a TypeError for what is no id. */
export class Users {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Says who somebody is, as `ask0.identify` does, and resolves once it is durable. Rejects if it is refused. */
  async identify(user: Identify & { projectId?: string }): Promise<void> {
    const event = JSON.stringify(eventOf("identify", user)); // once: a repeat has the same messageId
    await persist(this.#api.maxRetries, () => deliverNow(this.#api.connection, event));
  }

  /** Creates a user, or merges into the one there is; removes nothing that is not named. */
  async upsert(user: UserFields & { id: Id }, options?: WriteOptions): Promise<User | Pending> {
    const { id, ...fields } = user;
    if (!isReachable(id)) return outcomeOf(await this.batch([user], options));
    return saved(await this.#api.write("PUT", `users/${segment(id)}`, fields, options));
  }

  /** Creates a user; status 409 if there is one with the id. Without an id the gateway makes one. */
  async create(user: UserFields & { id?: Id }, options?: WriteOptions): Promise<User | Pending> {
    return saved(await this.#api.write("POST", "users", user, options));
  }

  /** Merges into a user; status 404 if there is none. */
  async update(id: Id, fields: UserFields, options?: WriteOptions): Promise<User | Pending> {
    return saved(await this.#api.write("PATCH", pathOf(id), fields, options));
  }

  /** Up to 1,000 upserts a request; more are sent as several, in order. One outcome each. */
  async batch(users: (UserFields & { id?: Id })[], options: WriteOptions = {}): Promise<BatchOutcome[]> {
    const outcomes: BatchOutcome[] = [];
    for (let start = 0; start < users.length; start += MAX_BATCH) {
      const key = start && options.idempotencyKey && `${options.idempotencyKey}-${start}`;
      const body = { users: users.slice(start, start + MAX_BATCH) };
      const answer = await this.#api.write("POST", "users/batch", body, {
        ...options,
        ...(key && { idempotencyKey: key }),
      });
      outcomes.push(...pageOf<BatchOutcome>(answer, "users"));
    }
    return outcomes;
  }

  /** A job over many users; `do` is tag, untag, set, deactivate, reactivate, erase, anonymize or delete_conversations. */
  async bulk(
    work: { do: string; ids?: Id[]; filter?: Filter; [field: string]: unknown },
    options?: WriteOptions,
  ): Promise<Job> {
    return jobOf(await this.#api.write("POST", "users/bulk", work, options));
  }

  /** The profile. An id that was merged away, or a guest's who became a user, is answered as the survivor. */
  async get(id: Id): Promise<User> {
    if (isReachable(id)) return userOf(await this.#api.read(`users/${segment(id)}`));
    const [user] = pageOf<User>(await this.#api.read("users", { ids: id }), "users");
    if (user) return user;
    throw new Ask0Error("nobody with this id has been met in the project", { status: 404, code: "unknown_user" });
  }

  /** One page. `iterate` follows all of them. */
  async list(options: ListOptions = {}): Promise<List<User>> {
    const query = { ...options };
    // What may be long or name people goes as a body: addresses end up in logs.
    const asBody = query.filter || query.search || query.ids;
    return pageOf(await (asBody ? this.#api.ask("users/query", query) : this.#api.read("users", query)), "users");
  }

  /** Everyone whom the options meet, page by page, each once also while they change. */
  iterate(options: Omit<ListOptions, "sort" | "total"> = {}): AsyncGenerator<User, void, undefined> {
    const { cursor: first, limit = MAX_PAGE } = options;
    return follow(first, (cursor) => this.list({ ...options, limit, sort: "id", ...(cursor && { cursor }) }));
  }

  /** Who would be in such a segment; it is not saved. */
  async segment(
    segment: { name?: string; conditions?: Filter; filter?: Filter },
    options: Pick<ListOptions, "sort" | "limit" | "cursor" | "total"> = {},
  ): Promise<List<User>> {
    return pageOf(await this.#api.ask("segments/query", { ...segment, ...options }), "users");
  }

  /** Erases a user, as a job with a signed receipt; what comes of them later is dropped, until `suppressions.lift`. */
  async delete(id: Id, { deleteConversations, anonymize, ...options }: DeleteOptions = {}): Promise<Job> {
    const query = { deleteConversations, anonymize };
    return jobOf(await this.#api.write("DELETE", pathOf(id), undefined, options, query));
  }

  /** Deletes all that the user said in conversations, as a job; the user stays. */
  async deleteConversations(id: Id, options?: WriteOptions): Promise<Job> {
    return jobOf(await this.#api.write("DELETE", `${pathOf(id)}/conversations`, undefined, options));
  }

  /** Moves all that is stored of the user to another project, of which `key` is a secret key, as a job. */
  async transfer(id: Id, { project, key, ...options }: TransferOptions): Promise<Job> {
    return jobOf(await this.#api.write("POST", `${pathOf(id)}/transfer`, { project, key }, options));
  }

  /** One page of what the user asked, and how it went. */
  async getConversations(id: Id, options: ConversationOptions = {}): Promise<List<Conversation>> {
    return pageOf(await this.#api.read(`${pathOf(id)}/conversations`, { ...options }), "conversations");
  }

  /** One page of the in-app messages that the user was shown. */
  async messages(id: Id, options: Pick<ListOptions, "limit" | "cursor"> = {}): Promise<List<ShownMessage>> {
    return pageOf(await this.#api.read(`${pathOf(id)}/messages`, { ...options }), "messages");
  }

  /** One page of the dynamic configs that the user was served. */
  async configs(id: Id, options: Pick<ListOptions, "limit" | "cursor"> = {}): Promise<List<ServedConfig>> {
    return pageOf(await this.#api.read(`${pathOf(id)}/configs`, { ...options }), "configs");
  }

  /**
   * Makes or changes the users of a file, CSV or JSON lines, gzipped or not, while it is read. The same file under the
   * same key changes only what was not changed before, so a try that was cut is made again, unless the file can be read
   * only once. Rejects with whatever reading it raises, too.
   */
  async import(file: File, { format, idempotencyKey }: ImportOptions = {}): Promise<ImportReport> {
    const type = format === undefined ? "application/octet-stream" : FILE_TYPES[format];
    if (!type) throw new TypeError(`a file is csv or jsonl, and not ${format}`);
    const write = idempotencyKey === undefined ? {} : { idempotencyKey };
    return (await this.#api.upload("import", uploadOf(file), type, write)) as unknown as ImportReport;
  }

  /** The segments the user is in. */
  async getSegments(id: Id): Promise<List<Segment>> {
    return pageOf(await this.#api.read(`${pathOf(id)}/segments`), "segments");
  }

  /** Everything of one person, as the bytes of a JSON document or of a zip of CSV files; pipe it into a file. */
  async *export(
    id: Id,
    { format = "json" }: { format?: "json" | "csv" } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#api.stream(`${pathOf(id)}/export`, { format });
  }

  /** Blocks a user until that is undone. */
  async deactivate(id: Id, { reason, ...options }: WriteOptions & { reason?: string } = {}): Promise<JsonObject> {
    return this.#api.write("POST", `${pathOf(id)}/deactivate`, { reason }, options);
  }

  /** Undoes `deactivate`. */
  async reactivate(id: Id, options?: WriteOptions): Promise<JsonObject> {
    return this.#api.write("POST", `${pathOf(id)}/reactivate`, {}, options);
  }

  /** Makes two users one, of the first id; `unmerge` takes them apart as if nothing had been. */
  async merge(id: Id, from: Id, options?: WriteOptions): Promise<User | Pending> {
    return saved(await this.#api.write("POST", `${pathOf(id)}/merge`, { from: `${from}` }, options));
  }

  /** Undoes `merge`. */
  async unmerge(id: Id, from: Id, options?: WriteOptions): Promise<User | Pending> {
    return saved(await this.#api.write("DELETE", `${pathOf(id)}/merge/${segment(from)}`, undefined, options));
  }

  /** Puts tags on a user; the others stay. */
  async tag(id: Id, tags: string | string[], options?: WriteOptions): Promise<User | Pending> {
    return saved(await this.#api.write("POST", `${pathOf(id)}/tags`, { tags: [tags].flat() }, options));
  }

  /** Takes one tag off. */
  async untag(id: Id, tag: string, options?: WriteOptions): Promise<User | Pending> {
    return saved(await this.#api.write("DELETE", `${pathOf(id)}/tags/${segment(tag)}`, undefined, options));
  }
}

/** Work that goes on after its answer. */
export class Jobs {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  async get(id: string): Promise<Job> {
    return jobOf(await this.#api.read(`jobs/${segment(id)}`));
  }

  /** The newest hundred, the newest first. */
  async list(): Promise<List<Job>> {
    return pageOf(await this.#api.read("jobs"), "jobs");
  }

  /**
   * Ends a job after the piece at hand; `wait` tells what it did until then. Rejects with the code `job_finished`, or
   * `not_cancellable` of one that erases.
   */
  async cancel(id: string, options?: WriteOptions): Promise<Job> {
    return jobOf(await this.#api.write("POST", `jobs/${segment(id)}/cancel`, undefined, options));
  }

  /** The job once it is `done`, `cancelled` or has `failed`. Rejects with the code `not_finished` after `timeoutMs`; it goes on. */
  async wait(id: string, { timeoutMs = Infinity }: { timeoutMs?: number } = {}): Promise<Job> {
    const giveUpAt = performance.now() + timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const job = await this.get(id);
      if (!UNFINISHED.includes(job.status)) return job;
      const leftMs = giveUpAt - performance.now();
      if (leftMs <= 0) throw new Ask0Error(`the job ${id} is not finished yet`, { code: "not_finished" });
      await sleep(Math.min(pauseMs, leftMs));
    }
  }
}

/** Writes that are durable, and not applied at once. */
export class Changes {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  async get(id: string): Promise<Change> {
    const answer = await this.#api.read(`changes/${segment(id)}`);
    return (answer["change"] ?? answer) as unknown as Change;
  }
}

const isReachable = (id: Id) => !NO_PATH.includes(`${id}`);

/** Raises Ask0Error for an id that no path can hold. */
function pathOf(id: Id): string {
  if (isReachable(id)) return `users/${segment(id)}`;
  const message = `no path can hold the id ${id}: read it with get, write it with upsert, else bulk({ ids })`;
  throw new Ask0Error(message, { code: "unreachable_id" });
}

const userOf = (answer: JsonObject) => answer as unknown as User;
const saved = (answer: JsonObject) => answer as unknown as User | Pending;
const jobOf = (answer: JsonObject) => (answer["job"] ?? answer) as unknown as Job;
const outcomeOf = ([outcome]: BatchOutcome[]) => outcome as unknown as User | Pending;
