/** Users under a name: the product's own segments and the project's, with how many are in each. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { api, type ApiError, call, type Schemas } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { titled, useParameter } from "../../kit/address";
import { DayBars } from "../../kit/DayBars";
import { Confirm, Dialog } from "../../kit/Dialog";
import { ErrorState, messageOf, Skeleton } from "../../kit/states";
import { say } from "../../kit/toasts";
import { Num, Time } from "../../kit/values";
import { text } from "../../text/en";
import { sentence } from "../users/filters";
import { Stages } from "./Stages";

type Segment = Schemas["SegmentAnswer"];

export default function Segments() {
  const path = useProject();
  const [open, setOpen] = useParameter("segment");
  const segments = useQuery({
    queryKey: ["segments", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/segments", { params: { path } })),
  });
  useEffect(() => {
    document.title = titled(text.nav.segments);
  }, []);
  const shown = segments.data?.segments.find((one) => one.id === open);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.segments}</h1>
        <Link href={`~/console/p/${encodeURIComponent(path.project)}/users`}>{text.segments.new}</Link>
      </div>
      {segments.isPending ? (
        <Skeleton lines={9} />
      ) : segments.isError ? (
        <ErrorState error={segments.error} retry={segments.refetch} />
      ) : (
        <div className="scroll-x">
          <table>
            <thead>
              <tr>
                <th>{text.users.name}</th>
                <th>{text.segments.who}</th>
                <th className="number">{text.dashboard.users}</th>
              </tr>
            </thead>
            <tbody>
              {segments.data.segments.map((segment) => (
                <tr key={segment.id}>
                  <td>
                    <button type="button" className="link" onClick={() => setOpen(segment.id)}>
                      {segment.name}
                    </button>
                    {segment.kind === "system" && <small className="muted"> {text.segments.system}</small>}
                  </td>
                  <td>{sentence(segment.filter)}</td>
                  <td className="number">
                    <Size id={segment.id} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Stages />
      {shown && <One segment={shown} close={() => setOpen("")} />}
    </div>
  );
}

function Size({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const count = useQuery({
    queryKey: ["segment-count", path.project, id],
    queryFn: () => call(api.GET("/v1/projects/{project}/segments/{id}/count", { params: { path } })),
    retry: 3,
  });
  return <Num value={count.data?.count} />;
}

function One({ segment, close }: { segment: Segment; close: () => void }) {
  const { can } = usePlace();
  const path = { ...useProject(), id: segment.id };
  const queries = useQueryClient();
  const [isAsked, ask] = useState(false);
  const history = useQuery({
    queryKey: ["segment-history", path.project, segment.id],
    queryFn: () => call(api.GET("/v1/projects/{project}/segments/{id}/history", { params: { path } })),
  });
  const remove = useMutation<void, ApiError>({
    mutationFn: async () => {
      const header = { "If-Match": segment.version ?? "*" };
      await call(api.DELETE("/v1/projects/{project}/segments/{id}", { params: { path, header } }));
      await queries.invalidateQueries({ queryKey: ["segments", path.project] });
      say(text.segments.isDeleted);
      close();
    },
  });
  const known = history.data?.history.filter((one) => one.size !== null) ?? [];
  return (
    <Dialog title={segment.name} close={close} wide>
      <div className="stack">
        <p>{sentence(segment.filter)}</p>
        {segment.description && <p className="muted">{segment.description}</p>}
        <p className="muted">
          {segment.createdAt && (
            <>
              {text.segments.made} <Time at={segment.createdAt} />
            </>
          )}
        </p>
        {known.length > 0 && (
          <DayBars title={text.segments.size} values={known.map((one) => ({ day: one.date, count: one.size! }))} />
        )}
        <div className="row">
          <Link
            href={`~/console/p/${encodeURIComponent(path.project)}/users?segment=${encodeURIComponent(segment.id)}`}
          >
            {text.segments.members}
          </Link>
          <span className="grow" />
          {segment.kind === "custom" && can("segments:write") && (
            <button type="button" className="danger" onClick={() => ask(true)}>
              {text.roles.delete}
            </button>
          )}
        </div>
      </div>
      {isAsked && (
        <Confirm
          title={`${text.roles.delete}: ${segment.name}`}
          typed={segment.name}
          action={text.roles.delete}
          isBusy={remove.isPending}
          error={remove.error && messageOf(remove.error)}
          close={() => ask(false)}
          confirm={() => remove.mutate()}
        >
          <p>{text.segments.deletes}</p>
        </Confirm>
      )}
    </Dialog>
  );
}
