/** Of those who signed up in a month, how many came again in each one after it, talk, and pay by now. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { ZONE } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num, Time } from "../../kit/values";
import { text } from "../../text/en";
import { StayTable } from "./StayTable";

const MONTHS = ["6", "12", "24"];

export function Cohorts() {
  const path = useProject();
  const [chosen, choose] = useParameter("months");
  const months = Number(MONTHS.includes(chosen) ? chosen : "6");
  const query = { months, tz: ZONE };
  const cohorts = useQuery({
    queryKey: ["cohorts", path.project, query],
    queryFn: () => call(api.GET("/v1/projects/{project}/insights/cohorts", { params: { path, query } })),
  });
  return (
    <div className="stack">
      <label className="row">
        <span>{text.insights.months}</span>
        <select className="narrow" value={String(months)} onChange={(event) => choose(event.target.value)}>
          {MONTHS.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </label>
      {cohorts.isPending ? (
        <Skeleton lines={7} />
      ) : cohorts.isError ? (
        <ErrorState error={cohorts.error} retry={cohorts.refetch} />
      ) : !cohorts.data.cohorts.some((cohort) => cohort.users) ? (
        <p className="state">{text.insights.noCohorts}</p>
      ) : (
        <>
          <StayTable
            title={text.insights.cohorts}
            first={text.insights.month}
            columns={[text.insights.talks, text.insights.upgraded]}
            rows={cohorts.data.cohorts.map((cohort) => ({
              ...cohort,
              name: cohort.month,
              more: [
                <Num value={cohort.conversations} />,
                <>
                  <Num value={cohort.upgradeRate} share /> {cohort.users > 0 && <small>{cohort.upgraded}</small>}
                </>,
              ],
            }))}
          />
          <p className="muted">
            {text.insights.cohortsHint} {text.dashboard.asOf} <Time at={cohorts.data.asOf} whole />
          </p>
        </>
      )}
    </div>
  );
}
