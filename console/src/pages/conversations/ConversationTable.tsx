/** Conversations as a table. */
import type { Schemas } from "../../api/client";
import { Num, Status, Time, Value } from "../../kit/values";
import { text } from "../../text/en";

interface Props {
  conversations: Schemas["Conversation"][];
  open: (id: string) => void;
  withUser?: (id: string) => React.ReactNode;
}

export function ConversationTable({ conversations, open, withUser }: Props) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th>{text.conversations.name}</th>
            {withUser && <th>{text.conversations.user}</th>}
            <th>{text.conversations.topic}</th>
            <th>{text.users.status}</th>
            <th className="number">{text.conversations.messages}</th>
            <th className="number">{text.users.satisfaction}</th>
            <th>{text.conversations.last}</th>
          </tr>
        </thead>
        <tbody>
          {conversations.map((one) => (
            <tr key={one.id}>
              <td>
                <button type="button" className="link" onClick={() => open(one.id)}>
                  {one.title ?? one.id}
                </button>
              </td>
              {withUser && <td>{one.userId && withUser(one.userId)}</td>}
              <td>
                <Value value={one.topic} />
              </td>
              <td>
                <Status status={text.conversations.statuses[one.status]} />
              </td>
              <td className="number">
                <Num value={one.questions + one.answers} />
              </td>
              <td className="number">
                <Num value={one.satisfaction} share />
              </td>
              <td>
                <Time at={one.lastAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

export function More({ query }: { query: Pages }) {
  if (!query.hasNextPage) return null;
  return (
    <div className="row more">
      <button type="button" disabled={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
        {text.more}
      </button>
    </div>
  );
}
