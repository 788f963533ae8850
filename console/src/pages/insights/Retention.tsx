/** Of those who came in a week, how many did something in each one after it. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { ZONE } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { text } from "../../text/en";
import { StayTable } from "./StayTable";

const WEEKS = 12;

export function Retention() {
  const path = useProject();
  const query = { weeks: WEEKS, tz: ZONE };
  const retention = useQuery({
    queryKey: ["retention", path.project, query],
    queryFn: () => call(api.GET("/v1/projects/{project}/insights/retention", { params: { path, query } })),
  });
  if (retention.isPending) return <Skeleton lines={9} />;
  if (retention.isError) return <ErrorState error={retention.error} retry={retention.refetch} />;
  const rows = retention.data.cohorts.map((cohort) => ({ ...cohort, name: cohort.week }));
  return <StayTable title={text.insights.retention} first={text.insights.week} rows={rows} />;
}
