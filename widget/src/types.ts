/** What a page can say: the public types. */

export type Properties = Record<string, unknown>;

/** A person, as the site knows them. Every key but `id` is a trait; `customAttributes` are traits too. */
export interface User {
  /** The site's own id of the person. Without it the traits belong to whoever is known, else to the guest. */
  id?: string | number | null;
  email?: string;
  name?: string;
  company?: string;
  plan?: string;
  role?: string;
  customAttributes?: Properties;
  [trait: string]: unknown;
}

export interface Proof {
  /** A JWT that the site's server has signed for this person: HS256 or RS256, with `sub` and `exp`. */
  token?: string;
}

/** An event for `batch`. One that names its user is sent as it is; the others belong to whoever is known. */
export interface BatchItem {
  event?: string;
  userId?: string;
  [property: string]: unknown;
}

export type Category = "analytics" | "personalization" | "marketing";
export type ConsentState = "granted" | "pending" | "denied";
export type Consent = Partial<Record<Category, ConsentState>>;

/** What `on` tells of, and what it tells. */
export interface Happenings {
  /** Events that the gateway has answered for: each is durable, or was rejected and is told as dropped too. */
  sent: [events: number];
  /** Events that go again later; a status of 0 is no answer. */
  delayed: [events: number, status: number];
  /** Events that are given up. */
  dropped: [events: number, why: unknown];
  /** A part of a call that JSON cannot carry, or that is too large: where it stands. */
  omitted: [path: string];
}

/** As the core tells it. */
export type Happening =
  | [name: "dropped", ...Happenings["dropped"]]
  | [name: "omitted", ...Happenings["omitted"]]
  | [name: "answer", events: number, status: number];

export interface Options {
  /** Address of the gateway. */
  host: string;
  /** The project's write key. */
  writeKey: string;
  /** What counts until the person has chosen; `pending` keeps everything in memory. Default: granted. */
  consent?: ConsentState;
  /** The domain whose subdomains share the guest's cookie, such as `example.com`. Default: this host alone. */
  cookieDomain?: string;
}

export interface Ask0 {
  /** Says who the visitor is. The same content again sends nothing; another id first resets. */
  identify(user: User, proof?: Proof): void;
  track(event: string, properties?: Properties): void;
  page(name?: string, properties?: Properties): void;
  /** Says which account the visitor belongs to. */
  group(groupId: string | number, traits?: Properties): void;
  /** Says that the visitor, a guest so far, is this user, without any traits. */
  alias(userId: string | number, proof?: Proof): void;
  batch(items: BatchItem[]): void;
  /** Forgets the person, for log-out. What is queued still arrives. */
  reset(): void;
  /** Sends what is queued now, instead of within two seconds. */
  flush(): void;
  /** What the person has chosen; other categories stay as they are. Other tabs follow. */
  consent(choice: Consent): void;
  /** Runs once the widget is live, after the calls that were made before. */
  ready(run?: () => void): Promise<void>;
  /** The traits of this person that the project lets pages read; null while there is nobody to speak of. */
  user(): Promise<User | null>;
  /** Runs whenever such a thing happens, and for what has happened lately. */
  on<Name extends keyof Happenings>(name: Name, run: (...detail: Happenings[Name]) => void): void;
  /** Writes what happens to the console, and what has happened lately. */
  debug(): void;
  /**
   * Has the gateway set the guest's cookie, which browsers then keep for longer, where it is on the site's own domain.
   * auto.js does it by itself.
   */
  renew?(): void;
  /** How many events this page had to give up: refused by the gateway, or too many to keep. */
  dropped: number;
  /** What the snippet recorded. */
  q?: Call[];
}

/** A call as the snippet records it until the bundle is there: method, arguments, epoch ms, and who waits for it. */
export type Call = [method: keyof Calls, args: unknown[], at: number, done?: (result: unknown) => void];

export type Calls = Omit<Ask0, "dropped" | "q" | "renew">;

declare global {
  interface Window {
    ask0: Ask0;
  }
}

/** What is seldom needed: it makes a call that the core cannot make. What it is told of the widget is said in client.ts. */
export interface More {
  make(inside: readonly unknown[], call: Call, why: unknown): unknown;
}
