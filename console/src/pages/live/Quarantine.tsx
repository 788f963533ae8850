/** What could not be accepted or applied: why, as it was sent, and sent again when it is mended. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, call, type Schemas } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { Dialog } from "../../kit/Dialog";
import { Empty, ErrorState, messageOf, Skeleton } from "../../kit/states";
import { say } from "../../kit/toasts";
import { Time } from "../../kit/values";
import { text } from "../../text/en";
import { More } from "../conversations/ConversationTable";
import { Raw, setOut } from "./EventRow";

type Refused = Schemas["QuarantineRow"];

export function Quarantine() {
  const path = useProject();
  const { can } = usePlace();
  const [mended, mend] = useState<Refused | null>(null);
  const list = useInfiniteQuery({
    queryKey: ["quarantine", path.project],
    queryFn: ({ pageParam }) =>
      call(api.GET("/v1/projects/{project}/quarantine", { params: { path, query: { cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    refetchInterval: 15_000,
  });
  if (list.isPending) return <Skeleton lines={6} />;
  if (list.isError) return <ErrorState error={list.error} retry={list.refetch} />;
  const rows = list.data.pages.flatMap((page) => page.quarantine);
  if (!rows.length) return <Empty title={text.live.noneRefused} />;
  return (
    <>
      <ul className="plain live">
        {rows.map((row) => (
          <li key={row.id}>
            <details>
              <summary>
                <span className="tag">{row.reason}</span> <span>{row.message}</span>{" "}
                <small className="muted">
                  <Time at={row.receivedAt} whole />
                  {row.replayedAt && ` · ${text.live.replayed}`}
                </small>
              </summary>
              <Raw text={row.raw} />
              {can("users:write") && (
                <button type="button" onClick={() => mend(row)}>
                  {text.live.mend}
                </button>
              )}
            </details>
          </li>
        ))}
      </ul>
      <More query={list} />
      {mended && <Mend row={mended} close={() => mend(null)} />}
    </>
  );
}

function Mend({ row, close }: { row: Refused; close: () => void }) {
  const path = { ...useProject(), id: row.id };
  const queries = useQueryClient();
  const [isNoJson, tell] = useState(false);
  const sending = useMutation({
    mutationFn: (event: Record<string, unknown>) =>
      call(api.POST("/v1/projects/{project}/quarantine/{id}/replay", { params: { path }, body: { event } })),
    onSuccess: () => {
      say(text.live.sent);
      queries.invalidateQueries({ queryKey: ["quarantine"] });
      close();
    },
  });
  function send(submitted: FormEvent<HTMLFormElement>) {
    submitted.preventDefault();
    const event = parsed(String(new FormData(submitted.currentTarget).get("event")));
    tell(!event);
    if (event) sending.mutate(event);
  }
  return (
    <Dialog title={text.live.mend} close={close} wide>
      <form className="stack" onSubmit={send}>
        <p>{row.message}</p>
        <label className="field">
          <span>{text.live.event}</span>
          <textarea name="event" className="live-editor" rows={14} spellCheck={false} defaultValue={setOut(row.raw)} />
        </label>
        {(isNoJson || sending.error) && (
          <p className="bad" role="alert">
            {isNoJson ? text.live.notJson : messageOf(sending.error)}
          </p>
        )}
        <div className="row end">
          <button type="button" onClick={close}>
            {text.cancel}
          </button>
          <button type="submit" className="main" disabled={sending.isPending}>
            {text.live.send}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function parsed(said: string): Record<string, unknown> | null {
  try {
    const event: unknown = JSON.parse(said);
    return event && typeof event === "object" && !Array.isArray(event) ? (event as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
