/** A conversation as a chat: questions, answers, and what people thought of them. */
import { useQuery } from "@tanstack/react-query";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num, Status, Time, Tag } from "../../kit/values";
import { text } from "../../text/en";
import "./thread.css";

export function Thread({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const thread = useQuery({
    queryKey: ["conversation", path.project, id],
    queryFn: () => call(api.GET("/v1/projects/{project}/conversations/{id}", { params: { path } })),
  });
  if (thread.isPending) return <Skeleton lines={6} />;
  if (thread.isError) return <ErrorState error={thread.error} retry={thread.refetch} />;
  const { title, topic, status, startedAt, messages, next } = thread.data;
  return (
    <article className="thread">
      <header>
        <h3>{title ?? id}</h3>
        <p className="row muted">
          <Status status={text.conversations.statuses[status]} />
          {topic && <Tag>{topic}</Tag>}
          <Time at={startedAt} whole />
        </p>
      </header>
      <ol className="plain">
        {messages.map((message) => (
          <Message key={message.id} message={message} />
        ))}
      </ol>
      {next && <p className="muted">{text.conversations.cut}</p>}
    </article>
  );
}

function Message({ message }: { message: Schemas["ConversationMessage"] }) {
  const { kind, at, text: said, answered, rating, latencyMs } = message;
  if (kind === "feedback") {
    return (
      <li className="feedback">
        {text.conversations.rated} <Num value={rating} share />
        {said && <q>{said}</q>}
      </li>
    );
  }
  return (
    <li className={kind}>
      <p className="who">
        {kind === "question" ? text.conversations.asked : text.conversations.assistant} <Time at={at} whole />
      </p>
      <p className="said">{said ?? <span className="muted">{text.conversations.notStored}</span>}</p>
      {kind === "answer" && (
        <p className="muted">
          {answered === false && <strong className="bad">{text.conversations.unanswered} </strong>}
          {latencyMs !== null && text.conversations.latency(Math.round(latencyMs))}
        </p>
      )}
    </li>
  );
}
