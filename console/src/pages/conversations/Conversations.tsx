/** All conversations of a project: filtered, and each as it went. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link, useLocation } from "wouter";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { titled, useAsked, useOpened, useParameter } from "../../kit/address";
import { Dialog } from "../../kit/Dialog";
import { Empty, ErrorState, Skeleton } from "../../kit/states";
import { text } from "../../text/en";
import { ConversationTable, More } from "./ConversationTable";
import { Thread } from "./Thread";

const RATINGS = ["positive", "negative", "mixed", "none"] as const;
type Rating = (typeof RATINGS)[number];
type Status = keyof typeof text.conversations.statuses;

export default function Conversations() {
  const path = useProject();
  const [status, setStatus] = useParameter("status");
  const [topic, setTopic] = useParameter("topic");
  const [rating, setRating] = useParameter("rating");
  const [unanswered, setUnanswered] = useParameter("unanswered");
  const [, go] = useLocation();
  const search = useAsked();
  const opened = useOpened();
  const after = search ? `?${search}` : "";
  const query = {
    status: (status || undefined) as Status | undefined,
    topic: topic || undefined,
    rating: (rating || undefined) as Rating | undefined,
    unanswered: unanswered ? true : undefined,
  };
  const list = useInfiniteQuery({
    queryKey: ["conversations", path.project, query],
    queryFn: ({ pageParam }) =>
      call(
        api.GET("/v1/projects/{project}/conversations", { params: { path, query: { ...query, cursor: pageParam } } }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  useEffect(() => {
    document.title = titled(text.nav.conversations);
  }, []);
  const all = list.data?.pages.flatMap((page) => page.conversations) ?? [];
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.conversations}</h1>
      </div>
      <form
        className="row tools"
        onSubmit={(event) => {
          event.preventDefault();
          setTopic(String(new FormData(event.currentTarget).get("topic")).trim());
        }}
      >
        <select
          className="narrow"
          aria-label={text.users.status}
          value={status}
          onChange={(event) => setStatus(event.target.value)}
        >
          <option value="">{text.conversations.anyStatus}</option>
          {Object.entries(text.conversations.statuses).map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <select
          className="narrow"
          aria-label={text.conversations.rating}
          value={rating}
          onChange={(event) => setRating(event.target.value)}
        >
          <option value="">{text.conversations.anyRating}</option>
          {RATINGS.map((one) => (
            <option key={one} value={one}>
              {text.conversations.ratings[one]}
            </option>
          ))}
        </select>
        <label className="row">
          <input
            type="checkbox"
            checked={!!unanswered}
            onChange={(event) => setUnanswered(event.target.checked ? "true" : "")}
          />
          {text.conversations.unanswered}
        </label>
        <input
          key={topic}
          name="topic"
          className="grow"
          aria-label={text.conversations.topic}
          placeholder={text.conversations.topicHint}
          defaultValue={topic}
        />
        <button type="submit">{text.users.find}</button>
      </form>
      {list.isPending ? (
        <Skeleton lines={10} />
      ) : list.isError ? (
        <ErrorState error={list.error} retry={list.refetch} />
      ) : !all.length ? (
        <Empty title={text.conversations.none}>
          <p>{text.conversations.loosen}</p>
        </Empty>
      ) : (
        <>
          <ConversationTable
            conversations={all}
            open={(id) => go(`/${encodeURIComponent(id)}${after}`)}
            withUser={(id) => (
              <Link href={`~/console/p/${encodeURIComponent(path.project)}/users/${encodeURIComponent(id)}`}>{id}</Link>
            )}
          />
          <More query={list} />
        </>
      )}
      {opened !== null && (
        <Dialog title={text.conversations.one} close={() => go(`/${after}`)} wide>
          <Thread id={opened} />
        </Dialog>
      )}
    </div>
  );
}
