/** One line of what came in: an event, a refusal, or what could not be shown. */
import { Time } from "../../kit/values";
import { text } from "../../text/en";
import type { Row } from "./stream";

export function EventRow({ row }: { row: Row }) {
  if (row.kind === "gap") {
    const { missed, message } = row.said;
    return <p className="muted">{missed === null ? message : text.live.missed(missed, message)}</p>;
  }
  if (row.kind === "rejected") {
    return (
      <details>
        <summary>
          <span className="bad">{text.live.refused}</span> <span>{row.said.message}</span>{" "}
          <small className="muted">
            <Time at={row.said.receivedAt} whole />
          </small>
        </summary>
        <Raw text={row.said.raw} />
      </details>
    );
  }
  const { said } = row;
  if (said.withheld) {
    return (
      <p className="muted">
        {text.live.withheld}: {said.withheld} <Time at={said.receivedAt} whole />
      </p>
    );
  }
  return (
    <details>
      <summary>
        <span className="event-name">{said.event ?? said.type}</span>{" "}
        {said.event && said.type !== "track" && <span className="tag">{said.type}</span>}{" "}
        <span className="live-who">{said.userId ?? said.anonymousId}</span>{" "}
        <small className="muted">
          <Time at={said.receivedAt} whole />
        </small>
      </summary>
      <pre>{JSON.stringify(said, null, 2)}</pre>
    </details>
  );
}

/** As it was sent; set out if it is JSON. */
export function Raw({ text: raw }: { text: string }) {
  return <pre>{setOut(raw)}</pre>;
}

export function setOut(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}
