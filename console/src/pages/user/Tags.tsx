/** The tags of a user, taken off and put on where they stand. */
import { type FormEvent, useState } from "react";
import { api, call } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { Failed } from "../../kit/saving";
import { Tag } from "../../kit/values";
import { text } from "../../text/en";
import type { Profile } from "../users/columns";

const SHOWN = 30;

export function Tags({ user }: { user: Profile }) {
  const { can } = usePlace();
  const path = { ...useProject(), id: user.id };
  const [written, write] = useState("");
  // In the body of a change, as the path of a call holds no tag like `..`.
  const change = useChanging(
    ["user", "users"],
    (tags: { add?: string[]; remove?: string[] }) =>
      call(api.PATCH("/v1/projects/{project}/users/{id}", { params: { path }, body: { tags } })),
    (_, tags) => tags.add && write(""),
  );
  function submit(event: FormEvent) {
    event.preventDefault();
    if (written.trim()) change.mutate({ add: [written.trim()] });
  }
  if (!can("users:write") && !user.tags.length) return null;
  return (
    <div className="row">
      <ul className="row plain-row" aria-label={text.users.tags}>
        {user.tags.slice(0, SHOWN).map((tag) => (
          <li key={tag} className="row tag-row">
            <Tag>{tag}</Tag>
            {can("users:write") && (
              <button
                type="button"
                className="quiet small"
                disabled={change.isPending}
                aria-label={text.user.removeTag(tag)}
                onClick={() => change.mutate({ remove: [tag] })}
              >
                ✕
              </button>
            )}
          </li>
        ))}
      </ul>
      {user.tags.length > SHOWN && <small className="muted">{text.user.moreTags(user.tags.length - SHOWN)}</small>}
      {can("users:write") && (
        <form className="row" onSubmit={submit}>
          <input
            className="narrow tag-input"
            aria-label={text.user.addTag}
            placeholder={text.user.addTag}
            maxLength={64}
            value={written}
            onChange={(event) => write(event.target.value)}
          />
        </form>
      )}
      <Failed error={change.error} />
    </div>
  );
}
