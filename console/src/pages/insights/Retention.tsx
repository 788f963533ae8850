/** Of those who came in a week, how many did something in each one after it. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num } from "../../kit/values";
import { text } from "../../text/en";
import { ZONE } from "./Insights";

const WEEKS = 12;
const LEVELS = 5;

export function Retention() {
  const path = useProject();
  const query = { weeks: WEEKS, tz: ZONE };
  const retention = useQuery({
    queryKey: ["retention", path.project, query],
    queryFn: () => call(api.GET("/v1/projects/{project}/insights/retention", { params: { path, query } })),
  });
  if (retention.isPending) return <Skeleton lines={9} />;
  if (retention.isError) return <ErrorState error={retention.error} retry={retention.refetch} />;
  return (
    <div className="scroll-x">
      <table className="heat wide">
        <caption className="unseen">{text.insights.retention}</caption>
        <thead>
          <tr>
            <th scope="col">{text.insights.week}</th>
            <th scope="col">{text.dashboard.users}</th>
            {Array.from({ length: WEEKS }, (_, week) => (
              <th key={week} scope="col">
                {text.insights.weekAfter(week)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {retention.data.cohorts.map((cohort) => (
            <tr key={cohort.week}>
              <th scope="row">{cohort.week}</th>
              <td>
                <Num value={cohort.users} />
              </td>
              {Array.from({ length: WEEKS }, (_, week) => {
                const share = cohort.shares[week];
                return (
                  <td key={week} className={share === undefined ? undefined : `heat-${Math.ceil(share * LEVELS)}`}>
                    {share !== undefined && <Num value={share} share />}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
