/** Events as they come in, and what was refused beside them. */
import { useEffect } from "react";
import { useProject } from "../../app/session";
import { titled, useParameter } from "../../kit/address";
import { Tabs } from "../../kit/Tabs";
import { Empty } from "../../kit/states";
import { text } from "../../text/en";
import { EventRow } from "./EventRow";
import "./live.css";
import { Quarantine } from "./Quarantine";
import { type Stream, useStream } from "./stream";

const TABS = [
  { id: "events", name: text.data.events },
  { id: "quarantine", name: text.live.quarantine },
];

export default function Live() {
  const [tab, open] = useParameter("tab");
  const here = TABS.find((one) => one.id === tab) ?? TABS[0]!;
  useEffect(() => {
    document.title = titled(text.nav.live);
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.live}</h1>
      </div>
      <Tabs label={text.nav.live} tabs={TABS} open={here.id} choose={open}>
        {here.id === "quarantine" ? <Quarantine /> : <Events />}
      </Tabs>
    </div>
  );
}

function Events() {
  const { project } = useProject();
  const [event, setEvent] = useParameter("event");
  const [user, setUser] = useParameter("user");
  const stream = useStream(project, event, user);
  return (
    <div className="stack">
      <form
        className="row"
        onSubmit={(submitted) => {
          submitted.preventDefault();
          const form = new FormData(submitted.currentTarget);
          setEvent(String(form.get("event")).trim());
          setUser(String(form.get("user")).trim());
        }}
      >
        <input
          key={`event ${event}`}
          name="event"
          className="grow"
          aria-label={text.events.name}
          placeholder={text.events.nameHint}
          defaultValue={event}
          maxLength={255}
        />
        <input
          key={`user ${user}`}
          name="user"
          className="grow"
          aria-label={text.live.user}
          placeholder={text.live.userHint}
          defaultValue={user}
          maxLength={255}
        />
        <button type="submit">{text.users.find}</button>
      </form>
      <Controls stream={stream} />
      {stream.rows.length ? (
        <ol className="plain live" aria-label={text.live.list} aria-live="off">
          {stream.rows.map((row) => (
            <li key={row.key} className={row.kind}>
              <EventRow row={row} />
            </li>
          ))}
        </ol>
      ) : (
        stream.state !== "ended" && <Empty title={text.live.none} />
      )}
    </div>
  );
}

function Controls({ stream }: { stream: Stream }) {
  return (
    <div className="row">
      <p className="grow" role="status">
        {stream.isPaused ? text.live.paused : text.live[stream.state]}
      </p>
      {stream.state === "ended" ? (
        <button type="button" onClick={stream.again}>
          {text.live.again}
        </button>
      ) : (
        <button type="button" aria-pressed={stream.isPaused} onClick={() => stream.pause(!stream.isPaused)}>
          {stream.isPaused ? text.live.goOn(stream.waiting) : text.live.pause}
        </button>
      )}
      <button type="button" onClick={stream.clear} disabled={!stream.rows.length}>
        {text.live.clear}
      </button>
    </div>
  );
}
