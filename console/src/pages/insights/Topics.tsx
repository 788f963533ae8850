/** What people talk about, and how content they are with it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num } from "../../kit/values";
import { text } from "../../text/en";
import { usePeriod } from "./Insights";

type Sort = keyof typeof text.insights.topicSorts;

export function Topics() {
  const path = useProject();
  const period = usePeriod();
  const [chosen, choose] = useParameter("sort");
  const sort = (chosen in text.insights.topicSorts ? chosen : "conversations") as Sort;
  const topics = useQuery({
    queryKey: ["topics", path.project, period, sort],
    queryFn: () =>
      call(
        api.GET("/v1/projects/{project}/insights/topics", { params: { path, query: { ...period, sort, limit: 100 } } }),
      ),
  });
  if (topics.isPending) return <Skeleton lines={8} />;
  if (topics.isError) return <ErrorState error={topics.error} retry={topics.refetch} />;
  if (!topics.data.topics.length) return <p className="state">{text.dashboard.noTopics}</p>;
  return (
    <div className="stack">
      <label className="row">
        <span>{text.insights.first}</span>
        <select className="narrow" value={sort} onChange={(event) => choose(event.target.value)}>
          {Object.entries(text.insights.topicSorts).map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <div className="scroll-x">
        <table>
          <thead>
            <tr>
              <th>{text.conversations.topic}</th>
              <th className="number">{text.dashboard.conversations}</th>
              <th className="number">{text.dashboard.questions}</th>
              <th className="number">{text.conversations.unanswered}</th>
              <th className="number">{text.users.satisfaction}</th>
            </tr>
          </thead>
          <tbody>
            {topics.data.topics.map((one) => (
              <tr key={one.topic}>
                <td>
                  <Link
                    href={`~/console/p/${encodeURIComponent(path.project)}/conversations?topic=${encodeURIComponent(one.topic)}`}
                  >
                    {one.topic}
                  </Link>
                </td>
                <td className="number">
                  <Num value={one.conversations.value} />
                </td>
                <td className="number">
                  <Num value={one.questions.value} />
                </td>
                <td className="number">
                  <Num value={one.unansweredShare.value} share />
                </td>
                <td className="number">
                  <Num value={one.satisfaction.value} share />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted">{text.insights.withoutTopic(topics.data.withoutTopic)}</p>
    </div>
  );
}
