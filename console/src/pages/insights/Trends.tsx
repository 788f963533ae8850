/** One number for each day, beside what it was in the period before. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { DayBars } from "../../kit/DayBars";
import { usePeriod } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num } from "../../kit/values";
import { text } from "../../text/en";

type Metric = keyof typeof text.insights.metrics;

export function Trends() {
  const path = useProject();
  const period = usePeriod();
  const [chosen, choose] = useParameter("metric");
  const metric = (chosen in text.insights.metrics ? chosen : "activeUsers") as Metric;
  const trend = useQuery({
    queryKey: ["trend", path.project, period, metric],
    queryFn: () =>
      call(api.GET("/v1/projects/{project}/insights/trends", { params: { path, query: { ...period, metric } } })),
  });
  const name = text.insights.metrics[metric];
  return (
    <div className="stack">
      <label className="row">
        <span>{text.insights.number}</span>
        <select className="narrow" value={metric} onChange={(event) => choose(event.target.value)}>
          {Object.entries(text.insights.metrics).map(([id, shown]) => (
            <option key={id} value={id}>
              {shown}
            </option>
          ))}
        </select>
      </label>
      {trend.isPending ? (
        <Skeleton lines={5} />
      ) : trend.isError ? (
        <ErrorState error={trend.error} retry={trend.refetch} />
      ) : (
        <section className="panel">
          <p>
            <span className="tile-value">
              <Num value={trend.data.value} share={trend.data.kind === "share" || metric === "satisfaction"} />
            </span>{" "}
            <span className="muted">
              {text.insights.before}{" "}
              <Num value={trend.data.before} share={trend.data.kind === "share" || metric === "satisfaction"} />
              {" · "}
              {trend.data.direction ? text.dashboard.directions[trend.data.direction] : text.dashboard.tooLittle}
            </span>
          </p>
          <DayBars title={name} values={trend.data.values.map((one) => ({ day: one.day, count: one.value ?? 0 }))} />
        </section>
      )}
    </div>
  );
}
