"""Every bound on what a client can choose, from the constants: `python -m ask0.cli.limits` prints the table."""

from typing import NamedTuple

from ask0.catalog import tokens
from ask0.consumers.folds import user_agents
from ask0.consumers.membership import loop as membership
from ask0.consumers.membership import waiting
from ask0.consumers.tables import bounds, isolation, names, pages, poison
from ask0.consumers.tables.snapshots import MAX_STATEMENT_BYTES
from ask0.eventlog.log import MAX_CHUNK_BYTES, MAX_CHUNK_EVENTS
from ask0.eventlog.sqlite_reader import KEEP_BYTES
from ask0.gateway import bodies, connections, dispatch, large_bodies, mail, questions, rates, server, strangers, uploads
from ask0.gateway.api import exports, imports, live, settings, sql, user_batches
from ask0.gateway.ingest import endpoint, intake, keys, quotas, shares, verification
from ask0.gateway.live import streams
from ask0.gateway.oidc import fetching
from ask0.gateway.oidc import sign_in as oidc
from ask0.gateway.sessions import attempts
from ask0.schemas import (
    catalog,
    documents,
    erasure,
    events,
    jobs,
    listing,
    project_settings,
    properties,
    served,
    stages,
    statements,
    user_changes,
    user_files,
    user_merges,
    user_writes,
    views,
)
from ask0.schemas.filters import inline, operands, parser
from ask0.schemas.settings import Settings
from ask0.warehouse import user_lists

REJECTED = '`ask0_events_total{outcome="rejected"}`'
LEFT_OUT = "`ask0_worker_left_out_total`"
BEACONS = "`ask0_beacons_total{status=…}`"


class Bound(NamedTuple):
    what: str
    value: str
    beyond: str  # what happens
    metric: str


def _default(setting: str) -> float:
    return float(Settings.model_fields[setting].default)


def _table() -> list[Bound]:
    return [
        Bound("Body, after inflating", f"{events.MAX_BODY_BYTES:,} bytes", "413", BEACONS),
        Bound(
            "… of a batch of users",
            f"{user_writes.MAX_BATCH_BYTES:,} bytes, {user_batches.MAX_USER_BYTES:,} a user",
            "413, refused",
            "–",
        ),
        Bound(
            "Bodies over the first bound at once",
            f"{large_bodies.MAX_OF_ONE} of a project, {large_bodies.MAX_AT_ONCE} in all",
            "503",
            "–",
        ),
        Bound("Members of a gzip body", f"{bodies.MAX_GZIP_MEMBERS}", "400 `invalid_encoding`", BEACONS),
        Bound("Brackets of JSON that is nested too deep", f"{bodies.MAX_BRACKETS:,}", "400 `not_json`", BEACONS),
        Bound("Bodies that are not plain JSON, waiting", f"{bodies.MAX_ODD_BODIES}", "503", BEACONS),
        Bound(
            "Bodies that arrive in pieces, of one address",
            f"{bodies.MAX_ADDRESS_BYTES_IN_FLIGHT:,} bytes",
            "503",
            BEACONS,
        ),
        Bound("… of all, with a key in the head", f"{bodies.MAX_BYTES_IN_FLIGHT:,} bytes", "503", BEACONS),
        Bound("… of all, without", f"{bodies.MAX_KEYLESS_BYTES_IN_FLIGHT:,} bytes", "503", BEACONS),
        Bound("Time for a request to arrive", f"{server.REQUEST_SECONDS:g} s", "408", "–"),
        Bound(
            "Headers",
            f"{dispatch.MAX_HEADERS} of {dispatch.MAX_HEADER_BYTES:,} bytes together",
            "400 `head_too_large`",
            "–",
        ),
        Bound("Fields of the query", f"{keys.MAX_QUERY_FIELDS}", "no key is read", BEACONS),
        Bound("Events of a batch", f"{events.MAX_BATCH_EVENTS:,}", "413", BEACONS),
        Bound("Event", f"{events.MAX_EVENT_BYTES:,} bytes as JSON", "rejected, `too_large`", REJECTED),
        Bound("Levels of an event", f"{events.MAX_DEPTH}", "rejected, `too_deep`", REJECTED),
        Bound(
            "Id",
            f"{events.MAX_ID_CHARS} characters, so {4 * events.MAX_ID_CHARS:,} bytes",
            "rejected, `invalid_id`",
            REJECTED,
        ),
        Bound(
            "Write keys that one beacon's events name", f"{endpoint.MAX_BEACON_KEYS}", "rejected, `wrong_key`", REJECTED
        ),
        Bound("userTokens of one beacon", f"{verification.MAX_BEACON_TOKENS}", "rejected, `token_invalid`", REJECTED),
        Bound("userToken", f"{tokens.MAX_TOKEN_CHARACTERS:,} characters", "rejected, `token_invalid`", REJECTED),
        Bound("Browser's name (the user agent)", f"{intake.MAX_USER_AGENT_CHARACTERS} characters", "cut", "–"),
        Bound("… that a worker remembers", f"{user_agents.MAX_REMEMBERED:,}", "read anew", "–"),
        Bound(
            "Messages about rejects in one answer",
            f"{endpoint.MAX_MESSAGES}",
            "index, messageId and code only",
            REJECTED,
        ),
        Bound(
            "Rejected event that is kept",
            f"{intake.MAX_RAW_CHARACTERS:,} characters",
            "cut",
            "–",
        ),
        Bound(
            "Rejects of one beacon that are kept",
            f"{intake.MAX_KEPT_REJECTS}",
            "named in the answer, not kept",
            "`ask0_rejects_not_kept_total`",
        ),
        Bound(
            "Rejects of a project that are kept",
            f"{intake.REJECTS_PER_MINUTE} and {intake.REJECT_BYTES_PER_MINUTE:,} bytes a minute",
            "likewise",
            "`ask0_rejects_not_kept_total`",
        ),
        Bound(
            "Requests without a known key, of one address",
            f"{strangers.REQUESTS_PER_SECOND} a second, {strangers.BURST} at once; "
            f"{strangers.BYTES_PER_REQUEST:,} bytes count as one",
            "429",
            "`ask0_strangers_refused_total`",
        ),
        Bound(
            "Events of a project (`ASK0_QUOTA_EVENTS_PER_SECOND`)",
            f"{_default('quota_events_per_second'):,.0f} a second, rejects too, {quotas.BURST_SECONDS} s of burst",
            "429",
            BEACONS,
        ),
        Bound(
            "Bytes of a project (`ASK0_QUOTA_BYTES_PER_SECOND`)",
            f"{_default('quota_bytes_per_second'):,.0f} a second, {quotas.BURST_SECONDS} s of burst",
            "429",
            BEACONS,
        ),
        Bound(
            "Calls of the API of a secret key (`ASK0_API_REQUESTS_PER_SECOND`)",
            f"{_default('api_requests_per_second'):,.0f} a second, {rates.BURST_SECONDS} s of burst; "
            f"{rates.BYTES_PER_CALL:,} bytes of a body count as one",
            "429",
            "–",
        ),
        Bound(
            "Wait for the workers (`ASK0_MAX_WAIT_SECONDS`)",
            f"{_default('max_wait_seconds'):g} s",
            f"429 to the heaviest projects; each may send {shares.MIN_SHARE:g} units a second",
            "`ask0_beacons_turned_away_total`",
        ),
        Bound(
            "Room on the disk (`ASK0_MIN_FREE_MB`)",
            f"{_default('min_free_mb'):,.0f} MB",
            "503 until there is more",
            "`ask0_disk_free_bytes`",
        ),
        Bound(
            "Open connections (`ASK0_MAX_CONNECTIONS`)",
            f"{_default('max_connections'):,.0f}",
            "the longest idle one is closed, else 503",
            "`ask0_connections_refused_total`",
        ),
        Bound(
            "… of one address",
            f"{connections.MAX_ADDRESS_CONNECTIONS}; more for trusted proxies and this machine",
            "503",
            "`ask0_connections_refused_total`",
        ),
        Bound(
            "Names of properties of a project, and of contexts",
            f"{names.MAX_PROJECT_NAMES:,} each in {names.DAYS} days, {names.MAX_NAME_BYTES:,} bytes a name",
            "only in `sent_properties`, `sent_context`",
            LEFT_OUT,
        ),
        Bound(
            "Names with a place of their own in a part of ClickHouse",
            "256 of properties, 128 of contexts, 128 of traits",
            "stored together: as readable, slower to filter by",
            "–",
        ),
        Bound(
            "Names of a user's traits",
            f"{bounds.MAX_USER_TRAITS:,}; of a guest {bounds.MAX_GUEST_TRAITS}",
            "left out of the user, stored with the event",
            LEFT_OUT,
        ),
        Bound(
            "Bytes of a user's traits",
            f"{bounds.MAX_USER_TRAIT_BYTES:,}; of a guest {bounds.MAX_GUEST_TRAIT_BYTES:,}",
            "likewise",
            LEFT_OUT,
        ),
        Bound("Name of a trait", f"{bounds.MAX_TRAIT_NAME_CHARS} characters", "likewise", LEFT_OUT),
        Bound("Anonymous ids of one user", f"{bounds.MAX_USER_GUESTS}", "not linked: the guest stays one", LEFT_OUT),
        Bound(
            "Conversations, questions, answers and ratings of a user",
            f"{bounds.MAX_USER_ACTIVITY:,}; of a guest {bounds.MAX_GUEST_ACTIVITY:,}",
            "stored, not counted",
            LEFT_OUT,
        ),
        Bound(
            "Questions, answers and ratings of a conversation",
            f"{bounds.MAX_CONVERSATION_ACTIVITY:,}",
            "stored, not counted",
            LEFT_OUT,
        ),
        Bound(
            "Refused rows of a project",
            f"{isolation.MOST_CULPRITS} of one chunk, {poison.MOST_REFUSED} in all, "
            f"{poison.REFILL_PER_SECOND * 60:.0f} more a minute",
            "the project is parked: `ask0 quarantine resume`",
            "`ask0_worker_parked_projects`",
        ),
        Bound(
            "Chunk",
            f"{MAX_CHUNK_EVENTS:,} events, {MAX_CHUNK_BYTES:,} bytes",
            "the next chunk",
            "`ask0_worker_lag_records`",
        ),
        Bound(
            "Keys of one statement",
            f"{pages.MAX_PAGE_KEYS:,}, {pages.MAX_PAGE_BYTES:,} bytes",
            "the next page",
            "`ask0_worker_step_seconds`",
        ),
        Bound(
            "Memory of one statement",
            f"{MAX_STATEMENT_BYTES:,} bytes",
            "the page is halved; one key alone is put aside",
            "`ask0_worker_quarantined_total`",
        ),
        Bound(
            "SQLite log, of what is done",
            f"{KEEP_BYTES:,} bytes",
            "the oldest records are deleted",
            "`ask0_disk_used_bytes`",
        ),
        Bound("Quarantine", "90 days", "whole months are deleted", "`ask0_disk_used_bytes`"),
        Bound(
            "Filter",
            f"{parser.MAX_LEAVES} conditions, {inline.MAX_INLINED_LEAVES} with its segments, "
            f"{parser.MAX_DEPTH} levels, {operands.MAX_VALUES:,} values a list, "
            f"{parser.MAX_OPERAND_BYTES:,} bytes of names and values",
            "400",
            "–",
        ),
        Bound(
            "All stages of a project with their segments",
            f"{stages.MAX_LEAVES} conditions, {stages.MAX_BYTES:,} bytes",
            "400",
            "–",
        ),
        Bound(
            "List of users",
            f"{listing.MAX_LIMIT} a page, {listing.MAX_SORT_KEYS} names to sort by, "
            f"{listing.MAX_SEARCH_WORDS} words to search for, {user_lists.SECONDS} s",
            "400, 503",
            "–",
        ),
        Bound(
            "Questions of one project to ClickHouse",
            f"{questions.MOST_AT_ONCE} at once, {questions.MOST_OF_ONE} waiting",
            "503",
            "–",
        ),
        Bound(
            "Change of users",
            f"{events.MAX_EVENT_BYTES:,} bytes of traits, {user_writes.MAX_CHANGE_TAGS} tags; "
            f"{user_writes.MAX_BATCH:,} users at once",
            "400",
            "–",
        ),
        Bound("Tags of a user, those taken off too", f"{user_changes.MAX_USER_TAGS:,}", "422; left out", LEFT_OUT),
        Bound(
            "Segments, saved views, stages, properties, deactivated users of a project",
            f"{documents.MAX_SEGMENTS}, {views.MAX_VIEWS}, {documents.MAX_STAGES}, {properties.MAX_PROPERTIES}, "
            f"{documents.MAX_DEACTIVATED:,}",
            "422, 400",
            "–",
        ),
        Bound(
            "Live keys of a project, and with those revoked; keys that check its tokens",
            f"{catalog.MAX_LIVE_KEYS}, {catalog.MAX_KEYS}; {catalog.MAX_VERIFICATION_KEYS}",
            "422, 409; the one revoked first goes",
            "–",
        ),
        Bound(
            "Users of a project who wait to be put into its segments",
            f"{waiting.MOST:,}",
            "all are looked at together, without events",
            "`ask0_segment_waiting`",
        ),
        Bound(
            "Events of users who moved, of a project in a second",
            f"{membership.TOLD_AT_ONCE:,}",
            "told later",
            "`ask0_segment_moves_total`",
        ),
        Bound(
            "Users who are merged into one",
            f"{user_merges.MAX_FAMILY}, {user_merges.MAX_DEPTH} after each other, with "
            f"{user_merges.MAX_FAMILY_GUESTS} guests and {user_merges.MAX_FAMILY_ACTIVITY:,} conversations, questions "
            "and answers",
            "409",
            "–",
        ),
        Bound("Users named in one bulk change", f"{jobs.MAX_JOB_IDS:,}", "400", "–"),
        Bound(
            "Erased users and guests of a project",
            f"{erasure.MAX_PACKS * erasure.MAX_HASHES:,}",
            "the job fails, `no_room`",
            "–",
        ),
        Bound(
            "Jobs of a project",
            f"{jobs.MAX_UNFINISHED} that are not finished, {jobs.MAX_JOBS} that are kept",
            "429; the oldest goes",
            "–",
        ),
        Bound("File of an import", f"{uploads.MAX_UPLOAD_BYTES:,} bytes", "413", "–"),
        Bound("Imports at once", f"{imports.MAX_OF_PROJECT} of a project, {imports.MAX_AT_ONCE} in all", "429", "–"),
        Bound(
            "Columns of a CSV, bytes of a line",
            f"{user_files.MAX_COLUMNS:,}, {user_files.MAX_LINE_BYTES:,}",
            "400, refused",
            "–",
        ),
        Bound(
            "Exports at once",
            f"{exports.MAX_OF_PROJECT} of a project, {exports.MAX_AT_ONCE} in all, one of a user",
            "429, 503",
            "–",
        ),
        Bound(
            "Messages and configs of a user",
            f"the newest {served.MAX_ANSWERS} answers, of each {served.MAX_TEXT_CHARACTERS:,} characters or "
            f"{served.MAX_VALUE_BYTES:,} bytes",
            "cut",
            "–",
        ),
        Bound(
            "Attempts to sign in that fail, of one address or as one person",
            f"{attempts.BURST} at once, and one more each {attempts.SECONDS:g} s",
            "429; to the sign-in page, of a provider's account",
            "–",
        ),
        Bound(
            "People who come back from the provider at once",
            f"{oidc.MOST_AT_ONCE}, {fetching.SECONDS:g} s and {fetching.MOST_BYTES:,} bytes an answer of the provider",
            "to the sign-in page",
            "–",
        ),
        Bound(
            "Mails at once, and an hour",
            f"{mail.PER_RECIPIENT} to one person, {mail.PER_SENDER} by a member or a key, "
            f"{mail.PER_PROJECT} of a project",
            "not mailed, and so answered",
            "–",
        ),
        Bound(
            "Mails that are on their way",
            f"{mail.MOST_OF_PROJECT} of a project, {mail.MOST_WAITING} in all, each for {mail.SECONDS:g} s",
            "likewise",
            "–",
        ),
        Bound("Days that a retention may have", f"{project_settings.MOST_DAYS:,}", "400", "–"),
        *_of_sql_and_live(),
        Bound("Dry runs of retentions at once", f"one of a project, {settings.MOST_COUNTING} in all", "429, 503", "–"),
        Bound("Refused lines that a report lists", f"{imports.MAX_LISTED:,}", "counted", "–"),
    ]


def _of_sql_and_live() -> list[Bound]:
    return [
        Bound(
            "SQL of a project",
            f"{sql.MOST.of_project} statements at once, {sql.MOST.at_once} in all; "
            f"{statements.MAX_STATEMENT_CHARACTERS:,} characters, {sql.SECONDS:g} s, {sql.MEMORY_MB} MB, "
            f"{statements.MAX_ROWS:,} rows, {sql.RESULT_MB} MB",
            "429, 422",
            "–",
        ),
        Bound(
            "Who looks at what comes in",
            f"{live.MOST.of_project} of a project, {live.MOST.at_once} in all; "
            f"{streams.MAX_WAITING_LINES:,} lines and {streams.MAX_WAITING_BYTES // 1_000_000} MB waiting",
            "429; told what was missed",
            "–",
        ),
    ]


def table() -> str:
    """As Markdown."""
    rows = [" | ".join(bound) for bound in _table()]
    return "\n".join(("| bound | value | beyond it | metric |", "|---|---|---|---|", *(f"| {row} |" for row in rows)))


if __name__ == "__main__":
    print(table())
