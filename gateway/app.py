"""Composition of the gateway: everything that answers HTTP.

The path of an event, in ingest/
1. Authenticate the write key (keys.py; catalog/cache.py answers from memory and follows the control stream).
2. Decode: size, inflate with a cap, parse JSON once (bodies.py), find its shape (envelope.py). Never by Content-Type.
3. Accept or reject each event: shape, size, depth, time (schemas/events.py), and where the project verifies its users,
   the token (verification.py). A rejected event goes to the quarantine with its reason, and the answer names it; its
   neighbours are not held up.
4. Stamp received_at, client IP (cut by policy, addresses.py), user agent; assign messageId if absent (endpoint.py).
5. Append: one record per (project, user key) and beacon (intake.py); partition key = project + (userId or anonymousId),
   derived from client bytes only. The SQLite log has one partition, so there a beacon is one record per project. Wait
   until the log says durable. Answer 200.
A beacon of plain events has a short way through 2 and 3 (plain.py), and mostly through the server too (lane.py).
From there on it is the workers': consumers/worker.py takes chunks of the log, consumers/tables/ turns them into rows.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, RedirectResponse, Response

from ask0.catalog import jobs as catalog_jobs
from ask0.catalog.cache import CatalogCache
from ask0.catalog.collection import Collection
from ask0.catalog.keys import Keys
from ask0.catalog.members import Lifetimes, Members
from ask0.catalog.project_settings import ProjectSettings
from ask0.eventlog.log import Log, LogUnavailable
from ask0.gateway.addresses import Addresses
from ask0.gateway.api.access import Accesses
from ask0.gateway.api.activity import activity_group
from ask0.gateway.api.bot_users import bot_users_group
from ask0.gateway.api.changes import Changes
from ask0.gateway.api.definitions import ProjectDefinitions
from ask0.gateway.api.demo_data import DemoData, demo_data_group
from ask0.gateway.api.erasures import Erasures
from ask0.gateway.api.exports import Exports
from ask0.gateway.api.groups import api_group
from ask0.gateway.api.imports import Imports
from ask0.gateway.api.insights import insights_group
from ask0.gateway.api.job_groups import job_group
from ask0.gateway.api.jobs import Jobs
from ask0.gateway.api.key_uses import KeyUses
from ask0.gateway.api.keys import ProjectKeys, keys_group
from ask0.gateway.api.live import Live, live_group
from ask0.gateway.api.me import Me
from ask0.gateway.api.member_mail import MemberMail
from ask0.gateway.api.members import ProjectMembers, members_group
from ask0.gateway.api.profile_reads import ProfileReads
from ask0.gateway.api.project_documents import ProjectDocuments, project_documents_group
from ask0.gateway.api.properties import PropertyDocuments
from ask0.gateway.api.quarantine import Quarantine
from ask0.gateway.api.reading import Reading
from ask0.gateway.api.segment_exports import SegmentExports, segment_export_group
from ask0.gateway.api.segments import Segments
from ask0.gateway.api.settings import Settings as ProjectSettingsApi
from ask0.gateway.api.settings import settings_group
from ask0.gateway.api.snippet import Snippets, snippet_group
from ask0.gateway.api.sql import Sql, sql_group
from ask0.gateway.api.stages import StageDocuments
from ask0.gateway.api.user_lists import UserLists
from ask0.gateway.api.user_merges import UserMerges
from ask0.gateway.api.user_writes import UserWrites
from ask0.gateway.api.users import Users
from ask0.gateway.api.views import Views, views_group
from ask0.gateway.arrivals import Arrivals
from ask0.gateway.bodies import BodyReader
from ask0.gateway.console.pages import Pages, console_group
from ask0.gateway.cors import Cors, SameSite
from ask0.gateway.disk import Disk
from ask0.gateway.dispatch import Gateway
from ask0.gateway.entrance import Entrance
from ask0.gateway.groups import Group
from ask0.gateway.health import Health, Report
from ask0.gateway.ingest.budgets import Budgets
from ask0.gateway.ingest.endpoint import Ingest, ingest_paths
from ask0.gateway.ingest.intake import KeptRejects
from ask0.gateway.ingest.plain import PlainIntake
from ask0.gateway.ingest.quotas import Quotas
from ask0.gateway.ingest.shares import FairShares
from ask0.gateway.ingest.trust import Trust
from ask0.gateway.jobs.background import Background
from ask0.gateway.jobs.bulk import job_kinds
from ask0.gateway.jobs.erasing import Erasing
from ask0.gateway.jobs.exporting import Exporting, Standing
from ask0.gateway.jobs.runner import Runner
from ask0.gateway.live.tail import Tail
from ask0.gateway.mail import Mailer
from ask0.gateway.members import Member
from ask0.gateway.metrics import Metrics
from ask0.gateway.oidc.sign_in import ProviderSignIns
from ask0.gateway.openapi import openapi
from ask0.gateway.operations import Asked, Operation
from ask0.gateway.origins import Origins
from ask0.gateway.questions import Questions
from ask0.gateway.rates import Rates
from ask0.gateway.sessions.account import Accounts
from ask0.gateway.sessions.cookies import Cookies
from ask0.gateway.sessions.groups import session_group
from ask0.gateway.sessions.records import Records
from ask0.gateway.sessions.sign_in import SignIns
from ask0.gateway.sessions.standing import Sessions
from ask0.gateway.site.demo import Demo
from ask0.gateway.site.groups import cookie_group, demo_group, file_group, page_group, public_group
from ask0.gateway.site.reference import Reference
from ask0.gateway.site.sdk_settings import SdkSettings
from ask0.gateway.site.static import STATIC, Static
from ask0.gateway.site.visitor import Visitor
from ask0.gateway.strangers import Strangers
from ask0.schemas import wire
from ask0.schemas.erasure import ERASING
from ask0.schemas.jobs import EXPORT
from ask0.schemas.settings import Settings
from ask0.schemas.views import VIEW, View
from ask0.warehouse.connect import Warehouse

LOG_START_SECONDS = 2.0
BACKLOG_SECONDS = 0.5  # between looks
HOUR_MS = 3_600_000

logger = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    *,
    log: Log,
    warehouse: Warehouse,
    catalog: CatalogCache,
    registry: CollectorRegistry,
    demo_project: str | None = None,
    reports: Mapping[str, Report] | None = None,
    member: Member | None = None,
) -> Gateway:
    """The gateway. Its lifespan starts and closes the log and the catalog, and waits a few seconds at most: with both
    engines away it serves, and says 503. `demo_project` turns /demo on; `reports` are shown by /health/ready; `member`
    says which of several processes this is. The warehouse stays the caller's to close."""
    threads = ThreadPoolExecutor(2, thread_name_prefix="gateway")  # for questions to ClickHouse
    metrics = Metrics(registry)
    addresses = Addresses(settings.ip_policy, settings.trusted_proxies)
    cors = Cors(settings.allowed_origins, settings.public_url)
    origins = Origins(settings.public_url, addresses)
    quotas = Quotas(settings.quota_events_per_second, settings.quota_bytes_per_second)
    shares, disk = FairShares(settings.max_wait_seconds), Disk(settings)
    strangers = Strangers()
    metrics.strangers_refused = lambda: strangers.refused
    budgets = Budgets(quotas, shares)
    defined = ProjectDefinitions(catalog.replica)
    trust = Trust(defined.properties, catalog)
    plain = PlainIntake(catalog, budgets, addresses, log.partitioned, trust)
    ingest = Ingest(
        log, catalog, budgets, addresses, cors, metrics, BodyReader(), strangers, disk, KeptRejects(), plain, trust
    )
    metrics.register_gauges(disk, shares)
    health = Health(
        log,
        warehouse,
        threads,
        metrics,
        registry,
        {**(reports or {}), "disk": disk.report, "documents": catalog.report},
        member,
    )
    sdks = SdkSettings(catalog, origins)
    static = Static(STATIC, settings.data_dir / "widget", origins)
    of_pages, of_servers = Questions("pages"), Questions("servers")
    project_settings, counting = ProjectSettings(catalog.replica), Background("counting", 1)
    visitor = Visitor(catalog, warehouse, of_pages, project_settings)
    users, lists = Users(warehouse, of_servers, defined), UserLists(warehouse, of_servers, defined)
    arrivals = Arrivals(log, warehouse, threads)
    changes = Changes(log, arrivals, warehouse, of_servers, budgets, disk)
    accesses = Accesses(catalog, defined, users, changes)
    reads = ProfileReads(changes)
    users.seen = reads.look
    background, finding, removing = Background("background"), Background("finding"), Background("removing", 2)
    jobs = catalog_jobs.Jobs(catalog.replica)
    erasing = Erasing(changes, defined, defined.suppressions, removing, catalog.seal)
    exported = Exporting(warehouse, background, defined.suppressions)
    kinds = job_kinds(changes, defined, background, finding) | dict.fromkeys(ERASING, erasing) | {EXPORT: exported}
    # A log without partitions is a file, and of one process.
    runner = Runner(jobs, kinds, alone=not log.partitioned)
    standing = Standing(jobs, runner, exported, alone=not log.partitioned)
    imports, asked_jobs = Imports(changes, defined, background), Jobs(jobs, runner.id, kinds, changes, defined, finding)
    segments, exporting = Segments(defined, users, lists, changes), Background("exports", 2)
    exports = Exports(users, segments, changes, defined, exporting)
    segment_exports = SegmentExports(exports, asked_jobs, jobs, standing, changes, defined, finding)
    sql = Sql(warehouse, changes, settings)
    quarantine = Quarantine(Reading(warehouse, of_servers), changes, ingest)
    same_site = SameSite(origins, settings.cookie_domain)
    rates = Rates(settings.api_requests_per_second)
    uses = KeyUses(changes)
    members = Members(catalog.replica)
    lifetimes = Lifetimes(settings.session_hours * HOUR_MS, settings.session_idle_hours * HOUR_MS)
    sessions = Sessions(members, catalog, Cookies(origins), lifetimes)
    live = Live(Tail(settings.log_dsn, warehouse, defined.suppressions.drops), sessions, catalog)
    records = Records(changes, addresses, sessions.projects_of)
    sign_ins = SignIns(sessions, catalog, records)
    provider = ProviderSignIns(settings, sign_ins, catalog.seal, origins)
    mail = MemberMail(Mailer(settings), members, catalog, records, provider.host)
    entrance = Entrance(catalog, ingest.bodies, addresses, strangers, sessions, rates=rates, used=uses.look)
    groups = [
        _group_for_operators(entrance, health),
        bot_users_group(entrance, warehouse, of_servers, defined),
        api_group(
            entrance,
            users,
            lists,
            UserWrites(users, changes, defined),
            UserMerges(users, changes, defined),
            segments,
            PropertyDocuments(defined, changes),
            StageDocuments(defined, changes),
            accesses,
            changes,
            exports,
            Me(settings.api_requests_per_second),
        ),
        job_group(entrance, asked_jobs, imports, Erasures(asked_jobs, changes, defined.suppressions, catalog)),
        segment_export_group(entrance, segment_exports),
        activity_group(entrance, warehouse, of_servers),
        insights_group(entrance, warehouse, of_servers, defined),
        sql_group(entrance, sql),
        live_group(entrance, live, quarantine),
        settings_group(entrance, ProjectSettingsApi(project_settings, changes, warehouse, counting)),
        project_documents_group(entrance, ProjectDocuments(catalog.replica, changes, catalog.seal)),
        session_group(entrance, sign_ins, Accounts(sessions, sign_ins, catalog), provider),
        members_group(entrance, ProjectMembers(members, origins, mail)),
        keys_group(entrance, ProjectKeys(Keys(catalog.replica), changes, uses)),
        views_group(entrance, Views(changes, Collection(catalog.replica, VIEW, View))),
        demo_data_group(entrance, DemoData(ingest, changes)),
        snippet_group(entrance, Snippets(catalog, static, origins)),
        page_group(entrance, cors, visitor),
        public_group(entrance, cors, sdks, static),
        cookie_group(entrance, same_site),
        file_group(entrance, static),
        console_group(entrance, Pages()),
    ]
    if demo_project:
        groups.append(demo_group(entrance, Demo(demo_project, static, catalog, origins, warehouse, threads, accesses)))
    groups.append(_group_about_itself(entrance, groups, has_demo=demo_project is not None))

    @contextlib.asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        starting = asyncio.create_task(_start_log(log))
        watching = [asyncio.create_task(disk.watch()), asyncio.create_task(_watch_backlog(log, shares))]
        if member:
            await member.start(lambda: generate_latest(registry))
        await asyncio.gather(asyncio.wait([starting], timeout=LOG_START_SECONDS), catalog.start())
        watching += [asyncio.create_task(runner.run()), asyncio.create_task(standing.run())]
        try:
            yield
        finally:
            for task in (starting, *watching):
                task.cancel()
            await asyncio.gather(starting, *watching, return_exceptions=True)
            await segment_exports.close()
            await sql.close()
            await live.close()
            await uses.close()
            await records.close()
            await reads.close()
            await sessions.close()
            sign_ins.close()
            await provider.close()
            await arrivals.close()
            if member:
                await member.close()
            await catalog.close()
            await log.close()
            ingest.bodies.close()
            threads.shutdown(wait=False, cancel_futures=True)
            of_pages.close()
            of_servers.close()
            background.close()
            finding.close()
            removing.close()
            imports.close()
            exporting.close()
            counting.close()

    return Gateway(
        ingest=ingest,
        paths=ingest_paths(),
        routes=[route for group in groups for route in group.routes()],
        cors=cors,
        lifespan=lifespan,
    )


def _group_for_operators(entrance: Entrance, health: Health) -> Group:
    return Group(
        entrance,
        [
            Operation("GET", "/health/live", health.live, "The process answers"),
            Operation("GET", "/health/ready", health.ready, "Whether events can be taken", answers=wire.Readiness),
            Operation("GET", "/metrics", health.scrape, "Prometheus metrics"),
        ],
    )


def _group_about_itself(entrance: Entrance, groups: Iterable[Group], *, has_demo: bool) -> Group:
    release = _version()
    description = openapi([operation for group in groups for operation in group.operations], release)

    async def describe(asked: Asked) -> Response:
        return JSONResponse(description)

    async def index(asked: Asked) -> Response:
        return RedirectResponse("/demo") if has_demo else JSONResponse({"name": "ask0", "version": release})

    return Group(
        entrance,
        [
            Operation("GET", "/openapi.json", describe, "", hidden=True),
            Operation("GET", "/docs", Reference(description).page, "", hidden=True),
            Operation("GET", "/", index, "", hidden=True),
        ],
    )


async def _start_log(log: Log) -> None:
    """Until it has started, every append says LogUnavailable and so every beacon 503."""
    while True:
        try:
            return await log.start()
        except LogUnavailable as error:
            logger.warning("the event log does not start, trying again", extra={"error": str(error)})
            await asyncio.sleep(LOG_START_SECONDS)


async def _watch_backlog(log: Log, shares: FairShares) -> None:
    while True:
        started = time.monotonic()
        try:
            progress = await log.progress()
            shares.look(progress.appended, progress.done, time.monotonic())
        except LogUnavailable as error:  # mostly it takes no events either
            logger.debug("the backlog cannot be looked at, trying again", extra={"error": str(error)})
        await asyncio.sleep(max(BACKLOG_SECONDS, 4 * (time.monotonic() - started)))


def _version() -> str:
    try:
        return version("ask0")
    except PackageNotFoundError:
        return "0"  # run from the tree, not installed
