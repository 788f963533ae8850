/** Questions that nobody has answered, those alike together. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { usePeriod } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num, Time } from "../../kit/values";
import { text } from "../../text/en";

export function Unanswered() {
  const path = useProject();
  const period = usePeriod();
  const found = useQuery({
    queryKey: ["unanswered", path.project, period, 100],
    queryFn: () =>
      call(
        api.GET("/v1/projects/{project}/insights/unanswered", { params: { path, query: { ...period, limit: 100 } } }),
      ),
  });
  if (found.isPending) return <Skeleton lines={8} />;
  if (found.isError) return <ErrorState error={found.error} retry={found.refetch} />;
  if (!found.data.groups.length) return <p className="state">{text.dashboard.allAnswered}</p>;
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th>{text.insights.question}</th>
            <th className="number">{text.insights.times}</th>
            <th className="number">{text.dashboard.users}</th>
            <th>{text.insights.last}</th>
          </tr>
        </thead>
        <tbody>
          {found.data.groups.map((group) => (
            <tr key={group.text + group.lastAskedAt}>
              <td>
                <details>
                  <summary>{group.text}</summary>
                  <ul>
                    {group.examples.map((example) => (
                      <li key={example}>{example}</li>
                    ))}
                  </ul>
                  {group.lastConversationId && (
                    <Link
                      href={`~/console/p/${encodeURIComponent(path.project)}/conversations/${encodeURIComponent(group.lastConversationId)}`}
                    >
                      {text.insights.openLast}
                    </Link>
                  )}
                </details>
                {group.answeredSince && (
                  <small className="muted">
                    {text.dashboard.answeredSince} <Time at={group.answeredSince} />
                  </small>
                )}
              </td>
              <td className="number">
                <Num value={group.questions.value} />
              </td>
              <td className="number">
                <Num value={group.users} />
              </td>
              <td>
                <Time at={group.lastAskedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
