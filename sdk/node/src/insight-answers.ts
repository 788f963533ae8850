/** What insights answer. They only gain fields; what each says is in docs/insights.md. */

export type Metric =
  | "users"
  | "newUsers"
  | "activeUsers"
  | "events"
  | "conversations"
  | "questions"
  | "answers"
  | "answeredShare"
  | "satisfaction"
  | "questionLength"
  | "messagesPerConversation";

/** A number beside that of the period before, and whether they are further apart than chance makes likely. */
export interface Compared {
  value: number | null;
  before: number | null;
  change: number | null;
  direction: "increasing" | "stable" | "decreasing" | null;
}

/** Times are ISO 8601 in UTC; `asOf` is when it was read. */
export interface Insight {
  tz: string;
  from: string;
  until: string;
  asOf: string;
}

export interface Overview extends Insight, Record<Metric, Compared> {
  statuses: { active: number; guest: number; unconfirmed: number; deactivated: number };
  lately: { day: number; week: number; month: number };
  nps: { promoters: number; passives: number; detractors: number; score: number | null };
}

export interface MetricTrend extends Insight, Compared {
  metric: Metric;
  kind: "count" | "share" | "mean";
  values: { day: string; value: number | null; count: number }[];
}

export interface Topics extends Insight {
  topics: {
    topic: string;
    conversations: Compared;
    questions: Compared;
    unansweredShare: Compared;
    satisfaction: Compared;
  }[];
  conversations: number;
  withoutTopic: number;
  count: number;
}

/** `hours` are 7 lists from Monday, of 24 numbers each. */
export interface ActiveHours extends Insight {
  questions: number;
  hours: number[][];
  mostActive: { days: string; part: string; share: number } | null;
}

export interface Unanswered extends Insight {
  groups: {
    text: string;
    questions: Compared;
    users: number;
    wordings: number;
    examples: string[];
    firstAskedAt: string;
    lastAskedAt: string;
    lastConversationId: string | null;
    answeredSince: string | null;
  }[];
  count: number;
  questions: Compared;
  asked: number;
  complete: boolean;
}

/** `active` begins with the cohort's own week or month; `shares` are the same as parts of `users`. */
interface Stayed {
  users: number;
  active: number[];
  shares: number[];
}

export interface RetentionByWeek extends Insight {
  cohorts: ({ week: string } & Stayed)[];
}

export interface Cohorts extends Insight {
  cohorts: ({
    month: string;
    conversations: number | null;
    upgraded: number;
    upgradeRate: number | null;
  } & Stayed)[];
}

export interface Funnel extends Insight {
  hours: number;
  steps: { event: string; users: number; share: number | null; ofPrevious: number | null }[];
}

/** An event that is null is all others of its step. */
export interface Journeys extends Insight {
  start: string | null;
  depth: number;
  users: number;
  nodes: { step: number; event: string | null; users: number; ended: number }[];
  links: { step: number; from: string | null; to: string | null; users: number }[];
}

export interface EventCatalog {
  asOf: string;
  events: {
    event: string | null;
    type: string;
    count: number;
    firstSeenAt: string;
    lastSeenAt: string;
    properties: { name: string; types: string[] }[];
    lookedAt: number;
  }[];
  count: number;
}
