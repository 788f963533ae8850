/** Which ways users go: what they do first and next, as a graph and as tables. To choose an event begins with it. */
import { useQuery } from "@tanstack/react-query";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { usePeriod } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num, Time } from "../../kit/values";
import { text } from "../../text/en";
import { Sankey } from "./Sankey";

const DEPTHS = ["3", "4", "5", "6"];

export default function Journeys() {
  const path = useProject();
  const period = usePeriod();
  const [start, begin] = useParameter("start");
  const [chosen, choose] = useParameter("depth");
  const depth = Number(DEPTHS.includes(chosen) ? chosen : "4");
  const query = { ...period, depth, limit: 6, start: start || undefined };
  const journeys = useQuery({
    queryKey: ["journeys", path.project, query],
    queryFn: () => call(api.GET("/v1/projects/{project}/insights/journeys", { params: { path, query } })),
  });
  return (
    <div className="stack">
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          begin(String(new FormData(event.currentTarget).get("start")).trim());
        }}
      >
        <input
          key={start}
          name="start"
          className="grow"
          maxLength={255}
          aria-label={text.insights.start}
          placeholder={text.insights.anyStart}
          defaultValue={start}
        />
        <button type="submit">{text.insights.begin}</button>
        {start && (
          <button type="button" className="quiet" onClick={() => begin("")}>
            {text.insights.anyStart}
          </button>
        )}
        <label className="row">
          <span>{text.insights.depth}</span>
          <select className="narrow" value={String(depth)} onChange={(event) => choose(event.target.value)}>
            {DEPTHS.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      </form>
      {journeys.isPending ? (
        <Skeleton lines={9} />
      ) : journeys.isError ? (
        <ErrorState error={journeys.error} retry={journeys.refetch} />
      ) : !journeys.data.users ? (
        <p className="state">{text.insights.noWays(start)}</p>
      ) : (
        <Ways journeys={journeys.data} begin={begin} />
      )}
    </div>
  );
}

function Ways({ journeys, begin }: { journeys: Schemas["Journeys"]; begin: (event: string) => void }) {
  return (
    <figure className="stack">
      <figcaption>
        <Num value={journeys.users} /> {text.users.unit}. <span className="muted">{text.insights.waysHint}</span>
      </figcaption>
      {journeys.links.length > 0 && <Sankey journeys={journeys} begin={begin} />}
      <details>
        <summary>{text.asTable}</summary>
        <div className="stack">
          <div className="scroll-x">
            <Nodes journeys={journeys} begin={begin} />
          </div>
          <div className="scroll-x">
            <Links journeys={journeys} />
          </div>
        </div>
      </details>
      <p className="muted">
        {text.dashboard.asOf} <Time at={journeys.asOf} whole />
      </p>
    </figure>
  );
}

function Nodes({ journeys, begin }: { journeys: Schemas["Journeys"]; begin: (event: string) => void }) {
  return (
    <table>
      <caption className="unseen">{text.insights.steps}</caption>
      <thead>
        <tr>
          <th className="number">{text.insights.step}</th>
          <th>{text.insights.event}</th>
          <th className="number">{text.dashboard.users}</th>
          <th className="number">{text.insights.ended}</th>
        </tr>
      </thead>
      <tbody>
        {journeys.nodes.map(({ step, event, users, ended }) => (
          <tr key={`${step} ${event ?? ""}`}>
            <td className="number">{step}</td>
            <td>
              {event === null ? (
                text.insights.others
              ) : (
                <button type="button" className="link" onClick={() => begin(event)}>
                  {event}
                </button>
              )}
            </td>
            <td className="number">
              <Num value={users} />
            </td>
            <td className="number">
              <Num value={ended} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Links({ journeys }: { journeys: Schemas["Journeys"] }) {
  return (
    <table>
      <caption className="unseen">{text.insights.journeys}</caption>
      <thead>
        <tr>
          <th className="number">{text.insights.step}</th>
          <th>{text.insights.from}</th>
          <th>{text.insights.to}</th>
          <th className="number">{text.dashboard.users}</th>
        </tr>
      </thead>
      <tbody>
        {journeys.links.map((link) => (
          <tr key={`${link.step} ${link.from ?? ""} → ${link.to ?? ""}`}>
            <td className="number">{link.step}</td>
            <td>{link.from ?? text.insights.others}</td>
            <td>{link.to ?? text.insights.others}</td>
            <td className="number">
              <Num value={link.users} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
