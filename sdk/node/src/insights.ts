/** Insights: what a whole project looks like over some days, and which events it has met. */

import type { Api, Query } from "./api.js";
import type {
  ActiveHours,
  Cohorts,
  EventCatalog,
  Funnel,
  Journeys,
  Metric,
  MetricTrend,
  Overview,
  RetentionByWeek,
  Topics,
  Unanswered,
} from "./insight-answers.js";

/** The calendar's days of `tz` (UTC) up to and with `until` (today): a Date's is its day in UTC. */
export interface UntilOptions {
  until?: string | Date;
  tz?: string;
}

export interface PeriodOptions extends UntilOptions {
  days?: number;
}

export interface TopicOptions extends PeriodOptions {
  sort?: "conversations" | "questions" | "unanswered" | "satisfaction";
  limit?: number;
}

/** `start` is the event with which ways begin, `limit` how many events are told of each step. */
export interface JourneyOptions extends PeriodOptions {
  start?: string;
  depth?: number;
  limit?: number;
}

/** Each answer says with `asOf` when it was read. Every call rejects with an Ask0Error. */
export class Insights {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Numbers beside those of the days before; `statuses` and `nps` as they are now. */
  overview(options: PeriodOptions = {}): Promise<Overview> {
    return this.#ask("overview", options);
  }

  /** One of these numbers for each day. */
  trends(metric: Metric, options: PeriodOptions = {}): Promise<MetricTrend> {
    return this.#ask("trends", options, { metric });
  }

  topics(options: TopicOptions = {}): Promise<Topics> {
    return this.#ask("topics", options);
  }

  activeHours(options: PeriodOptions = {}): Promise<ActiveHours> {
    return this.#ask("active-hours", options);
  }

  /** Questions that nobody answered, those alike together. */
  unanswered(options: PeriodOptions & { topic?: string; limit?: number } = {}): Promise<Unanswered> {
    return this.#ask("unanswered", options);
  }

  /** Who stays, by the week in which they were first met. */
  retention(options: UntilOptions & { weeks?: number } = {}): Promise<RetentionByWeek> {
    return this.#ask("retention", options);
  }

  /** Who stays, talks and pays, by the month in which they signed up. */
  cohorts(options: UntilOptions & { months?: number } = {}): Promise<Cohorts> {
    return this.#ask("cohorts", options);
  }

  /** How far users come on a way of two to ten events. */
  funnel(steps: string[], options: PeriodOptions & { hours?: number } = {}): Promise<Funnel> {
    return this.#ask("funnel", options, { steps: JSON.stringify(steps) });
  }

  /** Which ways users go: a graph. */
  journeys(options: JourneyOptions = {}): Promise<Journeys> {
    return this.#ask("journeys", options);
  }

  async #ask<Answer>(what: string, options: UntilOptions, more: Query = {}): Promise<Answer> {
    const { until } = options;
    const day = until instanceof Date ? until.toISOString().slice(0, 10) : until;
    return (await this.#api.read(`insights/${what}`, { ...more, ...options, until: day })) as unknown as Answer;
  }
}

/** What a project has met. Every call rejects with an Ask0Error. */
export class Catalog {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** Names of events, those that happen most first, how often and since when, and the properties they carry. */
  async events(options: { event?: string; limit?: number } = {}): Promise<EventCatalog> {
    return (await this.#api.read("catalog/events", { ...options })) as unknown as EventCatalog;
  }
}
