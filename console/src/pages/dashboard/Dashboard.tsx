/** How a project does: what there is beside the period before, what is asked, and what nobody answers. */
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { titled } from "../../kit/address";
import { DayBars } from "../../kit/DayBars";
import { type Period, PeriodPicker, usePeriod } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num, Time } from "../../kit/values";
import { text } from "../../text/en";
import { TopicTable } from "../insights/TopicTable";
import { FirstRun } from "./FirstRun";
import "./dashboard.css";

type Compared = Schemas["Compared"];

export default function Dashboard() {
  const path = useProject();
  const query = usePeriod();
  const overview = useQuery({
    queryKey: ["overview", path.project, query],
    queryFn: () => call(api.GET("/v1/projects/{project}/insights/overview", { params: { path, query } })),
    refetchInterval: (found) => (isEmpty(found.state.data) ? 10_000 : 60_000),
  });
  useEffect(() => {
    document.title = titled(text.nav.dashboard);
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.dashboard}</h1>
        <PeriodPicker />
      </div>
      {overview.isPending ? (
        <Skeleton lines={10} />
      ) : overview.isError ? (
        <ErrorState error={overview.error} retry={overview.refetch} />
      ) : isEmpty(overview.data) ? (
        <FirstRun />
      ) : (
        <>
          <Tiles overview={overview.data} />
          <Standing overview={overview.data} />
          <div className="panels">
            <Activity query={query} />
            <Topics query={query} />
            <Unanswered query={query} />
          </div>
          <p className="muted">
            {text.dashboard.asOf} <Time at={overview.data.asOf} whole />
          </p>
        </>
      )}
    </div>
  );
}

function isEmpty(overview: Schemas["Overview"] | undefined): boolean {
  return !!overview && !overview.users.value && !overview.events.value;
}

function Tiles({ overview }: { overview: Schemas["Overview"] }) {
  return (
    <ul className="plain board">
      <Tile name={text.dashboard.users} of={overview.users} href="/users" />
      <Tile name={text.dashboard.newUsers} of={overview.newUsers} href="/users?sort=-createdAt" />
      <Tile name={text.dashboard.activeUsers} of={overview.activeUsers} href="/users?segment=seg_active" />
      <Tile name={text.dashboard.conversations} of={overview.conversations} href="/conversations" />
      <Tile name={text.dashboard.questions} of={overview.questions} href="/conversations" />
      <Tile name={text.dashboard.answered} of={overview.answeredShare} share href="/conversations?unanswered=true" />
      <Tile name={text.users.satisfaction} of={overview.satisfaction} share href="/conversations?rating=negative" />
      <Tile name={text.dashboard.messages} of={overview.messagesPerConversation} href="/conversations" />
    </ul>
  );
}

const STATUSES = [
  ["active", "Active"],
  ["guest", "Guest"],
  ["unconfirmed", "Unconfirmed"],
  ["deactivated", "Deactivated"],
] as const;

const WINDOWS = [
  ["day", "24h"],
  ["week", "7d"],
  ["month", "30d"],
] as const;

/** How everybody stands now: each number leads to whom it counts. */
function Standing({ overview: { statuses, lately, nps } }: { overview: Schemas["Overview"] }) {
  const base = `~/console/p/${encodeURIComponent(useProject().project)}/users?filter=`;
  const who = (leaf: object) => base + encodeURIComponent(JSON.stringify({ all: [leaf] }));
  return (
    <section className="standing" aria-labelledby="standing">
      <h2 id="standing">{text.dashboard.now}</h2>
      <ul className="plain board">
        {STATUSES.map(([name, status]) => (
          <li key={status}>
            <Link href={who({ status })}>
              <span className="tile-name">{status}</span>
              <span className="tile-value">
                <Num value={statuses[name]} />
              </span>
            </Link>
          </li>
        ))}
        {WINDOWS.map(([name, span]) => (
          <li key={name}>
            <Link href={who({ trait: "lastActiveAt", op: "inLast", value: span })}>
              <span className="tile-name">{text.dashboard.lately[name]}</span>
              <span className="tile-value">
                <Num value={lately[name]} />
              </span>
            </Link>
          </li>
        ))}
        <li>
          <Link href={who({ trait: "nps", op: "set" })}>
            <span className="tile-name">{text.dashboard.nps}</span>
            <span className="tile-value">
              <Num value={nps.score === null ? null : Math.round(nps.score)} />
            </span>
            <small className="muted">
              {nps.score === null
                ? text.dashboard.noNps
                : text.dashboard.npsOf(nps.promoters, nps.passives, nps.detractors)}
            </small>
          </Link>
        </li>
      </ul>
    </section>
  );
}

function Tile({ name, of, href, share }: { name: string; of: Compared; href: string; share?: boolean }) {
  return (
    <li>
      <Link href={`~/console/p/${encodeURIComponent(useProject().project)}${href}`}>
        <span className="tile-name">{name}</span>
        <span className="tile-value">
          <Num value={of.value} share={share} />
        </span>
        <Change of={of} />
      </Link>
    </li>
  );
}

const SIGNS = { increasing: "↗", stable: "→", decreasing: "↘" };

/** In words too: an arrow alone says nothing to who cannot see it. */
function Change({ of }: { of: Compared }) {
  if (!of.direction) return <small className="muted">{text.dashboard.tooLittle}</small>;
  const percent = Math.round((of.change ?? 0) * 100);
  const change = percent ? `${percent > 0 ? "+" : "−"}${Math.abs(percent)} %` : "";
  return (
    <small className="muted">
      <span aria-hidden>{SIGNS[of.direction]}</span> {text.dashboard.directions[of.direction]} {change}
    </small>
  );
}

function Panel({ title, children, isWide }: { title: string; children: ReactNode; isWide?: boolean }) {
  return (
    <section className={isWide ? "panel wide" : "panel"}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Activity({ query }: { query: Period }) {
  const path = useProject();
  const trend = useQuery({
    queryKey: ["trend", path.project, query, "activeUsers"],
    queryFn: () =>
      call(
        api.GET("/v1/projects/{project}/insights/trends", {
          params: { path, query: { ...query, metric: "activeUsers" } },
        }),
      ),
  });
  return (
    <Panel title={text.dashboard.activeByDay} isWide>
      {trend.isPending ? (
        <Skeleton lines={4} />
      ) : trend.isError ? (
        <ErrorState error={trend.error} retry={trend.refetch} />
      ) : (
        <DayBars
          title={text.dashboard.activeUsers}
          values={trend.data.values.map((one) => ({ day: one.day, count: one.value ?? 0 }))}
        />
      )}
    </Panel>
  );
}

function Topics({ query }: { query: Period }) {
  const path = useProject();
  const topics = useQuery({
    queryKey: ["topics", path.project, query],
    queryFn: () =>
      call(api.GET("/v1/projects/{project}/insights/topics", { params: { path, query: { ...query, limit: 8 } } })),
  });
  return (
    <Panel title={text.dashboard.topics}>
      {topics.isPending ? (
        <Skeleton lines={6} />
      ) : topics.isError ? (
        <ErrorState error={topics.error} retry={topics.refetch} />
      ) : !topics.data.topics.length ? (
        <p className="muted">{text.dashboard.noTopics}</p>
      ) : (
        <TopicTable topics={topics.data.topics} isBrief />
      )}
    </Panel>
  );
}

function Unanswered({ query }: { query: Period }) {
  const path = useProject();
  const found = useQuery({
    queryKey: ["unanswered", path.project, query],
    queryFn: () =>
      call(api.GET("/v1/projects/{project}/insights/unanswered", { params: { path, query: { ...query, limit: 8 } } })),
  });
  return (
    <Panel title={text.dashboard.unanswered}>
      {found.isPending ? (
        <Skeleton lines={6} />
      ) : found.isError ? (
        <ErrorState error={found.error} retry={found.refetch} />
      ) : !found.data.groups.length ? (
        <p className="muted">{text.dashboard.allAnswered}</p>
      ) : (
        <ul className="plain">
          {found.data.groups.map((group) => (
            <li key={group.text + group.lastAskedAt} className="row">
              <span className="grow group">
                {group.lastConversationId ? (
                  <Link
                    href={`~/console/p/${encodeURIComponent(path.project)}/conversations/${encodeURIComponent(group.lastConversationId)}`}
                  >
                    {group.text}
                  </Link>
                ) : (
                  group.text
                )}
                {group.answeredSince && <small className="muted"> {text.dashboard.answeredSince}</small>}
              </span>
              <small className="muted">{text.dashboard.askedBy(group.questions.value ?? 0, group.users)}</small>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
