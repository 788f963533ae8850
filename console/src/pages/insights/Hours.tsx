/** When questions come, by weekday and hour: a table whose cells are the darker the more there are. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { usePeriod } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { text } from "../../text/en";

const LEVELS = 5;

export function Hours() {
  const path = useProject();
  const period = usePeriod();
  const hours = useQuery({
    queryKey: ["hours", path.project, period],
    queryFn: () => call(api.GET("/v1/projects/{project}/insights/active-hours", { params: { path, query: period } })),
  });
  if (hours.isPending) return <Skeleton lines={7} />;
  if (hours.isError) return <ErrorState error={hours.error} retry={hours.refetch} />;
  const most = Math.max(1, ...hours.data.hours.flat());
  return (
    <div className="scroll-x">
      <table className="heat">
        <caption className="unseen">{text.insights.hours}</caption>
        <thead>
          <tr>
            <td />
            {Array.from({ length: 24 }, (_, hour) => (
              <th key={hour} scope="col">
                {hour}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {hours.data.hours.map((counts, day) => (
            <tr key={day}>
              <th scope="row">{text.insights.weekdays[day]}</th>
              {counts.map((count, hour) => (
                <td
                  key={hour}
                  className={`heat-${Math.ceil((count / most) * LEVELS)}`}
                  title={text.insights.asked(count)}
                >
                  <span className="unseen">{count}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
