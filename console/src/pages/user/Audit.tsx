/** What was done by and to a user. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { AuditTable } from "../../kit/AuditTable";
import { ErrorState, Skeleton } from "../../kit/states";
import { text } from "../../text/en";
import { More } from "../conversations/ConversationTable";

export function Audit({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const audit = useInfiniteQuery({
    queryKey: ["user-audit", path.project, id],
    queryFn: ({ pageParam }) =>
      call(api.GET("/v1/projects/{project}/users/{id}/audit", { params: { path, query: { cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  if (audit.isPending) return <Skeleton lines={6} />;
  if (audit.isError) return <ErrorState error={audit.error} retry={audit.refetch} />;
  const entries = audit.data.pages.flatMap((page) => page.audit);
  if (!entries.length) return <p className="state">{text.audit.none}</p>;
  return (
    <>
      <AuditTable entries={entries} />
      <More query={audit} />
    </>
  );
}
