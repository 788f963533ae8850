/** Identify and track the users of AI assistants, from a Node server. */

export type { WriteOptions } from "./api.js";
export type { Audit, AuditOptions } from "./audit.js";
export { Ask0 } from "./client.js";
export type {
  Access,
  AuditEntry,
  Change,
  Chat,
  Conversation,
  Filter,
  ImportReport,
  Job,
  Key,
  List,
  Pending,
  Privacy,
  Retention,
  RetentionDays,
  RetentionDryRun,
  Segment,
  SegmentSize,
  ServedConfig,
  ShownMessage,
  SqlAnswer,
  Stage,
  StageList,
  User,
  Verification,
} from "./entities.js";
export { Ask0Error, type ErrorDetail } from "./errors.js";
export type { ExportOptions, Exports } from "./exports.js";
export type { File, Pieces } from "./files.js";
export type {
  ActiveHours,
  Cohorts,
  Compared,
  EventCatalog,
  Funnel,
  Insight,
  Journeys,
  Metric,
  MetricTrend,
  Overview,
  RetentionByWeek,
  Topics,
  Unanswered,
} from "./insight-answers.js";
export type { Catalog, Insights, JourneyOptions, PeriodOptions, TopicOptions, UntilOptions } from "./insights.js";
export type { KeyFields, Keys } from "./keys.js";
export type { SegmentFields, Segments } from "./segments.js";
export type { Settings } from "./settings.js";
export type { StageFields, Stages } from "./stages.js";
export type { Suppressions } from "./suppressions.js";
export type {
  Alias,
  BatchItem,
  Common,
  FetchAnswer,
  FetchInit,
  Fields,
  Group,
  Id,
  Identify,
  Options,
  Page,
  Properties,
  Refused,
  Track,
} from "./types.js";
export type {
  BatchOutcome,
  Changes,
  ConversationOptions,
  DeleteOptions,
  ImportOptions,
  Jobs,
  ListOptions,
  TransferOptions,
  UserFields,
  Users,
} from "./users.js";
export { VERSION } from "./version.js";
