/** Who did what in the project. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { AuditTable } from "../../kit/AuditTable";
import { ErrorState, Skeleton } from "../../kit/states";
import { text } from "../../text/en";
import { More } from "../conversations/ConversationTable";

export default function AuditLog() {
  const path = useProject();
  const [actor, setActor] = useParameter("actor");
  const [action, setAction] = useParameter("action");
  const audit = useInfiniteQuery({
    queryKey: ["audit", path.project, actor, action],
    queryFn: ({ pageParam }) =>
      call(api.GET("/v1/projects/{project}/audit", { params: { path, query: { actor, action, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  return (
    <div className="stack">
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          const said = new FormData(event.currentTarget);
          setActor(String(said.get("actor")).trim());
          setAction(String(said.get("action")).trim());
        }}
      >
        <input
          name="actor"
          className="grow"
          aria-label={text.audit.who}
          placeholder={text.audit.whoHint}
          defaultValue={actor}
        />
        <input
          name="action"
          className="grow"
          aria-label={text.audit.what}
          placeholder={text.audit.whatHint}
          defaultValue={action}
        />
        <button type="submit">{text.users.find}</button>
      </form>
      {audit.isPending ? (
        <Skeleton lines={8} />
      ) : audit.isError ? (
        <ErrorState error={audit.error} retry={audit.refetch} />
      ) : !audit.data.pages[0]!.audit.length ? (
        <p className="state">{text.audit.none}</p>
      ) : (
        <>
          <AuditTable entries={audit.data.pages.flatMap((page) => page.audit)} />
          <More query={audit} />
        </>
      )}
    </div>
  );
}
