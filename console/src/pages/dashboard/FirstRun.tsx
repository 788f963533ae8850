/** Before anything has happened: what to paste, and that it is waited for. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, call } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { useChanging } from "../../kit/changing";
import { Failed } from "../../kit/saving";
import { ErrorState, Skeleton } from "../../kit/states";
import { Copy } from "../../kit/values";
import { text } from "../../text/en";

export function FirstRun() {
  const path = useProject();
  const { can } = usePlace();
  const found = useQuery({
    queryKey: ["snippet", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/snippet", { params: { path } })),
  });
  // The overview is kept for a minute, so the list says when somebody has come.
  const people = useQuery({
    queryKey: ["first", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/users", { params: { path, query: { limit: 1 } } })),
    refetchInterval: (query) => (query.state.data?.users.length ? false : 2_000),
  });
  const fill = useChanging(["first"], () => call(api.POST("/v1/projects/{project}/demo-data", { params: { path } })));
  if (people.data?.users.length) {
    return (
      <div className="state" role="status">
        <p className="cheer" aria-hidden>
          🎉
        </p>
        <h2>{text.first.here}</h2>
        <p>{text.first.hereSays}</p>
        <Link href={`~/console/p/${encodeURIComponent(path.project)}/users`}>{text.first.look}</Link>
      </div>
    );
  }
  return (
    <div className="state first">
      <h2>{text.first.title}</h2>
      <p>{text.first.says}</p>
      {found.isPending ? (
        <Skeleton lines={2} />
      ) : found.isError ? (
        <ErrorState error={found.error} retry={found.refetch} />
      ) : (
        <div className="snippet">
          <Copy value={found.data.snippet} name={text.first.snippet} />
        </div>
      )}
      <p role="status" className="waiting">
        {text.first.waiting}
      </p>
      <p className="row">
        {can("users:write") && (
          <button type="button" disabled={fill.isPending || fill.isSuccess} onClick={() => fill.mutate()}>
            {fill.isPending || fill.isSuccess ? text.first.filling : text.first.fill}
          </button>
        )}
        <a href="/demo" target="_blank" rel="noreferrer">
          {text.first.demo}
        </a>
      </p>
      <Failed error={fill.error} />
    </div>
  );
}
