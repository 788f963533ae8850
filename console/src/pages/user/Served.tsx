/** What a user was served and shown: configs with their variation, in-app messages with what came of each. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num, Time, Value } from "../../kit/values";
import { text } from "../../text/en";
import { More } from "../conversations/ConversationTable";

const said = text.served;

export function Configs({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const configs = useInfiniteQuery({
    queryKey: ["user-configs", path.project, id],
    queryFn: ({ pageParam }) =>
      call(api.GET("/v1/projects/{project}/users/{id}/configs", { params: { path, query: { cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  if (configs.isPending) return <Skeleton lines={4} />;
  if (configs.isError) return <ErrorState error={configs.error} retry={configs.refetch} />;
  const all = configs.data.pages.flatMap((page) => page.configs);
  if (!all.length) return <p className="state">{said.noConfigs}</p>;
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th>{said.config}</th>
            <th>{said.variation}</th>
            <th>{said.why}</th>
            <th>{text.user.since}</th>
            <th>{said.last}</th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <tr key={one.key}>
              <td>{one.key}</td>
              <td>
                <Value value={one.variation} />
              </td>
              <td>
                <Value value={one.reason} />
              </td>
              <td>
                <Time at={one.since} />
              </td>
              <td>
                <Time at={one.lastServedAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <More query={configs} />
    </div>
  );
}

export function Messages({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const messages = useInfiniteQuery({
    queryKey: ["user-messages", path.project, id],
    queryFn: ({ pageParam }) =>
      call(api.GET("/v1/projects/{project}/users/{id}/messages", { params: { path, query: { cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  if (messages.isPending) return <Skeleton lines={4} />;
  if (messages.isError) return <ErrorState error={messages.error} retry={messages.refetch} />;
  const all = messages.data.pages.flatMap((page) => page.messages);
  if (!all.length) return <p className="state">{said.noMessages}</p>;
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th>{said.message}</th>
            <th className="number">{said.shown}</th>
            <th className="number">{said.clicked}</th>
            <th className="number">{said.dismissed}</th>
            <th>{said.last}</th>
            <th>{said.answers}</th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <tr key={one.id}>
              <td>{one.name ?? one.id}</td>
              <td className="number">
                <Num value={one.shown} />
              </td>
              <td className="number">
                <Num value={one.clicked} />
              </td>
              <td className="number">
                <Num value={one.dismissed} />
              </td>
              <td>
                <Time at={one.lastShownAt} />
              </td>
              <td>
                <Answers answers={one.answers} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <More query={messages} />
    </div>
  );
}

function Answers({ answers }: { answers: Schemas["SurveyAnswer"][] }) {
  if (!answers.length) return <Value value={null} />;
  return (
    <ul className="plain">
      {answers.map((one) => (
        <li key={one.messageId}>
          <Value value={one.nps ?? one.answer} /> {one.comment} <Time at={one.at} />
        </li>
      ))}
    </ul>
  );
}
