/** Taking the assistant away from somebody, or giving it back. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type ApiError, call } from "../../api/client";
import { useProject } from "../../app/session";
import { Confirm } from "../../kit/Dialog";
import { messageOf } from "../../kit/states";
import { say } from "../../kit/toasts";
import { text } from "../../text/en";
import { nameOf, type Profile } from "../users/columns";

export function AccessDialog({ user, close }: { user: Profile; close: () => void }) {
  const path = { ...useProject(), id: user.id };
  const queries = useQueryClient();
  const isOut = user.status === "Deactivated";
  const change = useMutation<void, ApiError, FormData>({
    mutationFn: async (said) => {
      if (isOut) await call(api.POST("/v1/projects/{project}/users/{id}/reactivate", { params: { path } }));
      else {
        const reason = String(said.get("reason") ?? "");
        await call(api.POST("/v1/projects/{project}/users/{id}/deactivate", { params: { path }, body: { reason } }));
      }
      await queries.invalidateQueries({ queryKey: ["user", path.project, user.id] });
      void queries.invalidateQueries({ queryKey: ["users", path.project] });
      say(isOut ? text.user.isBack : text.user.isOut);
      close();
    },
  });
  return (
    <Confirm
      title={isOut ? text.user.reactivate : text.user.deactivate}
      action={isOut ? text.user.reactivate : text.user.deactivate}
      isBusy={change.isPending}
      error={change.error && messageOf(change.error)}
      close={close}
      confirm={change.mutate}
    >
      <p>{isOut ? text.user.reactivates(nameOf(user)) : text.user.deactivates(nameOf(user))}</p>
      {!isOut && (
        <label className="field">
          <span>{text.user.reason}</span>
          <input name="reason" maxLength={500} autoFocus />
        </label>
      )}
    </Confirm>
  );
}
