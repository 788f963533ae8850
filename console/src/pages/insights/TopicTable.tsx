/** Topics with what became of their conversations: each leads to these. */
import { Link } from "wouter";
import type { Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { Num } from "../../kit/values";
import { text } from "../../text/en";

export function TopicTable({ topics, isBrief }: { topics: Schemas["TopicInsight"][]; isBrief?: boolean }) {
  const { project } = useProject();
  const base = `~/console/p/${encodeURIComponent(project)}/conversations?topic=`;
  return (
    <table>
      <thead>
        <tr>
          <th>{text.conversations.topic}</th>
          <th className="number">{text.dashboard.conversations}</th>
          {!isBrief && <th className="number">{text.dashboard.questions}</th>}
          {!isBrief && <th className="number">{text.conversations.unanswered}</th>}
          <th className="number">{text.users.satisfaction}</th>
        </tr>
      </thead>
      <tbody>
        {topics.map((one) => (
          <tr key={one.topic}>
            <td>
              <Link href={base + encodeURIComponent(one.topic)}>{one.topic}</Link>
            </td>
            <td className="number">
              <Num value={one.conversations.value} />
            </td>
            {!isBrief && (
              <td className="number">
                <Num value={one.questions.value} />
              </td>
            )}
            {!isBrief && (
              <td className="number">
                <Num value={one.unansweredShare.value} share />
              </td>
            )}
            <td className="number">
              <Num value={one.satisfaction.value} share />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
