/** What a user did: how much on each day, and one after the other. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { DayBars } from "../../kit/DayBars";
import { ErrorState, Skeleton } from "../../kit/states";
import { Time } from "../../kit/values";
import { text } from "../../text/en";
import { More } from "../conversations/ConversationTable";

const DAYS = [7, 30, 90];
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function Events({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const [event, setEvent] = useState("");
  const [days, setDays] = useState(30);
  const counts = useQuery({
    queryKey: ["user-counts", path.project, id, event, days],
    queryFn: () =>
      call(
        api.GET("/v1/projects/{project}/users/{id}/events/counts", {
          params: { path, query: { event, days, tz: ZONE } },
        }),
      ),
  });
  const list = useInfiniteQuery({
    queryKey: ["user-events", path.project, id, event],
    queryFn: ({ pageParam }) =>
      call(
        api.GET("/v1/projects/{project}/users/{id}/events", { params: { path, query: { event, cursor: pageParam } } }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  return (
    <div className="stack">
      <form
        className="row"
        onSubmit={(submitted) => {
          submitted.preventDefault();
          setEvent(String(new FormData(submitted.currentTarget).get("event")).trim());
        }}
      >
        <input name="event" className="grow" aria-label={text.events.name} placeholder={text.events.nameHint} />
        <select
          className="narrow"
          aria-label={text.events.days}
          value={days}
          onChange={(chosen) => setDays(Number(chosen.target.value))}
        >
          {DAYS.map((one) => (
            <option key={one} value={one}>
              {text.events.lastDays(one)}
            </option>
          ))}
        </select>
        <button type="submit">{text.users.find}</button>
      </form>
      {counts.data && <DayBars title={text.events.byDay(event, counts.data.total)} values={counts.data.counts} />}
      {list.isPending ? (
        <Skeleton lines={6} />
      ) : list.isError ? (
        <ErrorState error={list.error} retry={list.refetch} />
      ) : (
        <>
          <ul className="plain">
            {list.data.pages
              .flatMap((page) => page.events)
              .map((one) => (
                <Event key={one.messageId} event={one} />
              ))}
          </ul>
          {!list.data.pages[0]!.events.length && <p className="state">{text.events.none}</p>}
          <More query={list} />
        </>
      )}
    </div>
  );
}

function Event({ event }: { event: Schemas["UserEvent"] }) {
  return (
    <li>
      <details>
        <summary>
          <span className="event-name">{event.event ?? event.type}</span>{" "}
          <small className="muted">
            {event.event && event.type !== "track" ? `${event.type} · ` : ""}
            <Time at={event.occurredAt} whole />
          </small>
        </summary>
        <pre>{JSON.stringify(event, null, 2)}</pre>
      </details>
    </li>
  );
}
