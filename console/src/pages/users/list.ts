/** The list of users as it is asked for: by filter, segment, words and order, page after page. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import type { Profile } from "./columns";

export interface Asked {
  search: string;
  segment: string;
  filter: string; // JSON; empty for none
  sort: string;
}

const PAGE = 30;
const PAGE_AFTER = 90; // for who scrolls: a page of 30 is passed before the next one is there
export const MOST = 10_000; // rows: beyond them a narrower search is better than more scrolling

export function useUsers(asked: Asked) {
  const path = useProject();
  return useInfiniteQuery({
    queryKey: ["users", path.project, asked],
    queryFn: ({ pageParam }) =>
      call(
        api.GET("/v1/projects/{project}/users", {
          params: { path, query: { ...given(asked), limit: pageParam ? PAGE_AFTER : PAGE, cursor: pageParam } },
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
    select: (data) => ({ ...data, users: data.pages.flatMap((page) => page.users as Profile[]) }),
  });
}

/** How many there are: asked apart, as the rows need not wait for it, and after them where they are shown. */
export function useCount(asked: Asked, enabled = true) {
  const path = useProject();
  const who = { ...asked, sort: "" };
  return useQuery({
    queryKey: ["users", path.project, "count", who],
    queryFn: async () =>
      (
        await call(
          api.GET("/v1/projects/{project}/users", {
            params: { path, query: { ...given(who), limit: 1, total: true } },
          }),
        )
      ).total ?? null,
    enabled,
    placeholderData: keepPreviousData,
  });
}

export function given(asked: Asked) {
  return {
    search: asked.search || undefined,
    segment: asked.segment || undefined,
    filter: asked.filter || undefined,
    sort: asked.sort || undefined,
  };
}
