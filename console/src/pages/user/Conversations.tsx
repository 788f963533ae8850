/** What a user talked about, and each conversation as it went. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { ErrorState, Skeleton } from "../../kit/states";
import { text } from "../../text/en";
import { ConversationTable, More } from "../conversations/ConversationTable";
import { Thread } from "../conversations/Thread";

export function Conversations({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const [open, setOpen] = useParameter("conversation");
  const list = useInfiniteQuery({
    queryKey: ["user-conversations", path.project, id],
    queryFn: ({ pageParam }) =>
      call(
        api.GET("/v1/projects/{project}/users/{id}/conversations", { params: { path, query: { cursor: pageParam } } }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  if (open) {
    return (
      <>
        <button type="button" className="quiet" onClick={() => setOpen("", { replace: true })}>
          ← {text.user.conversations}
        </button>
        <Thread id={open} />
      </>
    );
  }
  if (list.isPending) return <Skeleton lines={5} />;
  if (list.isError) return <ErrorState error={list.error} retry={list.refetch} />;
  const all = list.data.pages.flatMap((page) => page.conversations);
  if (!all.length) return <p className="state">{text.conversations.noneOfUser}</p>;
  return (
    <>
      <ConversationTable conversations={all} open={(conversation) => setOpen(conversation, { replace: true })} />
      <More query={list} />
    </>
  );
}
