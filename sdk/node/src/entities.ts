/** What the API answers. It only gains fields; those that are not listed here come through all the same. */

/** What is not known is null. Times are ISO 8601 in UTC. */
export interface User {
  id: string;
  anonymousIds: string[];
  /** Users who were merged into this one. */
  mergedIds: string[];
  customerId: string | null;
  email: string | null;
  name: string | null;
  firstName: string | null;
  lastName: string | null;
  phone: string | null;
  avatar: string | null;
  company: string | null;
  plan: string | null;
  role: string | null;
  status: "Guest" | "Unconfirmed" | "Active" | "Deactivated";
  /** The site's own, as they were sent. */
  traits: Record<string, unknown>;
  consent: Record<string, "granted" | "denied">;
  createdAt: string;
  firstSeenAt: string;
  lastActiveAt: string;
  conversations: number;
  questions: number;
  answered: number;
  /** The mean of their ratings, 0 to 1. */
  satisfaction: number | null;
  stage?: string | null;
  tags?: string[];
  /** Of what can be edited: for `ifMatch`. */
  version?: string | number;
  [field: string]: unknown;
}

/** A write that is durable, where waiting until it is applied took too long; `changes.get` says how far it is. */
export interface Pending {
  change: Change;
}

export interface Change {
  id: string;
  status: "pending" | "applied" | "refused";
  code?: string;
  [field: string]: unknown;
}

/** Work that goes on after its answer; `jobs.get` says how far it is. */
export interface Job {
  id: string;
  kind: string;
  /** waiting, running, done, failed or cancelled. */
  status: string;
  progress?: unknown;
  receipt?: unknown;
  [field: string]: unknown;
}

export interface Conversation {
  id: string;
  [field: string]: unknown;
}

export interface Segment {
  id: string;
  name: string;
  filter?: Filter;
  version?: string | number;
  [field: string]: unknown;
}

export interface Stage {
  id: string;
  name: string;
  filter: Filter;
}

/** `defaults` are the product's own, of a project that has not defined any. */
export interface StageList {
  stages: Stage[];
  defaults: Stage[];
  version: string;
}

/** Who did what: `source` is `change`, or `event` where the person said it themselves. */
export interface AuditEntry {
  at: string;
  source: "change" | "event";
  id: string;
  action: string;
  outcome: "done" | "refused";
  actor: string | null;
  entity: string;
  entityId: string | null;
  ip: string | null;
  [field: string]: unknown;
}

/** An in-app message that a user was shown: how often, when, and what came of it. */
export interface ShownMessage {
  id: string;
  name: string | null;
  shown: number;
  firstShownAt: string | null;
  lastShownAt: string | null;
  clicked: number;
  clickedAt: string | null;
  dismissed: number;
  dismissedAt: string | null;
  answered: number;
  /** The newest ten. */
  answers: { at: string; answer: unknown; nps: number | null; comment: string | null; messageId: string }[];
  [field: string]: unknown;
}

/** The variation of a dynamic config that a user was served last, and since when it was that one each time. */
export interface ServedConfig {
  key: string;
  variation: unknown;
  reason: string | null;
  since: string;
  firstServedAt: string;
  lastServedAt: string;
  served: number;
  [field: string]: unknown;
}

/** Of the lines of a file; `lines` has the first thousand that were refused. */
export interface ImportReport {
  accepted: number;
  pending: number;
  refused: number;
  lines: { line: number; id: string; code: string; message: string }[];
  [field: string]: unknown;
}

/** Days that each is kept; null is for ever. */
export interface RetentionDays {
  inactiveUsers?: number | null;
  events?: number | null;
  conversations?: number | null;
  quarantine?: number | null;
  audit?: number | null;
}

export interface Retention extends Required<RetentionDays> {
  /** null if all is kept. */
  appliesFrom: string | null;
  version: string;
}

type Due = { before: string; count: number; sample: string[] };

/** What would go now; null of what is kept for ever. */
export type RetentionDryRun = { asOf: string } & Record<keyof RetentionDays, Due | null>;

export interface Privacy {
  /** Whether what people deny of analytics and personalization is in force. */
  enforceConsent: boolean;
  version: string;
}

/** Of a project. `hint` is the whole write key, the first characters of a secret one. */
export interface Key {
  id: string;
  kind: "write" | "secret";
  name: string;
  hint: string;
  scopes: string[];
  createdAt: string;
  createdBy: string | null;
  lastUsedAt: string | null;
  revokedAt: string | null;
  version: string;
}

/** Who may chat: anyone, whoever is identified, whoever has a verified email. */
export interface Chat {
  permission: "guest" | "login" | "user";
  version: string;
}

/** How users prove who they are, and what pages may read of them. */
export interface Verification {
  required: boolean;
  readable: string[];
  keys: { id: string; algorithm: "HS256" | "RS256"; createdAt: string }[];
  version: string;
}

/** How many were in a segment at the end of a day; null where that was not known yet. */
export interface SegmentSize {
  date: string;
  size: number | null;
}

/** Whether somebody may talk to the assistant. */
export interface Access {
  allowed: boolean;
  reason: string | null;
  permission?: "guest" | "login" | "user";
  [field: string]: unknown;
}

/** Whole numbers beyond 2^53, and decimals, are text. */
export interface SqlAnswer {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  /** Whether there are more rows than were asked for. */
  truncated: boolean;
  elapsedMs: number;
  readRows: number;
}

/** Canonical, `{ all: [{ trait, op, value }] }`, or Ask0's conditions, `{ plan: ["pro"], spend: { gte: 500 } }`. */
export type Filter = Record<string, unknown>;

/** An array of things, and where the next page begins; null after the last. */
export type List<Thing> = Thing[] & { readonly next: string | null; readonly total?: number };
