/** What a page can say: the public types. */

export type Properties = Record<string, unknown>;

/** A person, as the site knows them. Every key but `id` is a trait; `customAttributes` are traits too. */
export interface User {
  /** The site's own id of the person. Without it the traits belong to whoever is known, else to the guest. */
  id?: string | number;
  email?: string;
  name?: string;
  company?: string;
  plan?: string;
  role?: string;
  customAttributes?: Properties;
  [trait: string]: unknown;
}

/** An event for `batch`. One that names its user is sent as it is; the others belong to whoever is known. */
export interface BatchItem {
  event?: string;
  userId?: string;
  [property: string]: unknown;
}

export interface Options {
  /** Address of the gateway. */
  host: string;
  /** The project's write key. */
  writeKey: string;
}

export interface Ask0 {
  /** Says who the visitor is. The same content again sends nothing; another id first resets. */
  identify(user: User): void;
  track(event: string, properties?: Properties): void;
  page(name?: string, properties?: Properties): void;
  batch(items: BatchItem[]): void;
  /** Forgets the person, for log-out. What is queued still arrives. */
  reset(): void;
  /** Sends what is queued now, instead of within two seconds. */
  flush(): void;
  /** How many events this page had to give up: refused by the gateway, or too many to keep. */
  dropped: number;
}

/** A call as the snippet records it until the bundle is there: method, arguments, epoch ms. */
export type Call = [method: keyof Calls, args: unknown[], at: number];

export type Calls = Omit<Ask0, "dropped">;

declare global {
  interface Window {
    /** `q` holds what the snippet recorded. */
    ask0: Ask0 & { q?: Call[] };
  }
}
