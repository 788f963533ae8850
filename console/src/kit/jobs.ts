/** Jobs of a project, the newest first: asked for again soon as long as one of them may go on. */
import { useQuery } from "@tanstack/react-query";
import { api, call, type Schemas } from "../api/client";
import { useProject } from "../app/session";

export type Job = Schemas["JobShown"];

const SOON_MS = 1_000;
const LATER_MS = 15_000;

/** Only of a kind, where one is named. */
export function useJobs(kind?: string) {
  const path = useProject();
  return useQuery({
    queryKey: ["jobs", path.project],
    queryFn: async () => (await call(api.GET("/v1/projects/{project}/jobs", { params: { path } }))).jobs,
    select: (jobs) => (kind ? jobs.filter((job) => job.kind === kind) : jobs),
    refetchInterval: (query) => (query.state.data?.some(isUnderWay) ? SOON_MS : LATER_MS),
  });
}

export function isUnderWay(job: Job): boolean {
  return job.status === "waiting" || job.status === "running";
}
