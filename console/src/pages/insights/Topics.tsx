/** What people talk about, and how content they are with it. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { usePeriod } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { text } from "../../text/en";
import { TopicTable } from "./TopicTable";

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
        <TopicTable topics={topics.data.topics} />
      </div>
      <p className="muted">{text.insights.withoutTopic(topics.data.withoutTopic)}</p>
    </div>
  );
}
