/** What to paste into a site's pages, and whether anything has come of it. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { ErrorState, Skeleton } from "../../kit/states";
import { Copy, Num, Time } from "../../kit/values";
import { text } from "../../text/en";

export default function Install() {
  const path = useProject();
  const snippet = useQuery({
    queryKey: ["snippet", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/snippet", { params: { path } })),
  });
  return (
    <>
      <section className="setting">
        <h2>{text.settings.snippet}</h2>
        <p className="muted">{text.first.says}</p>
        {snippet.isPending ? (
          <Skeleton lines={2} />
        ) : snippet.isError ? (
          <ErrorState error={snippet.error} retry={snippet.refetch} />
        ) : (
          <div className="snippet">
            <Copy value={snippet.data.snippet} name={text.first.snippet} />
          </div>
        )}
      </section>
      <section className="setting">
        <h2>{text.settings.check}</h2>
        <Check />
      </section>
    </>
  );
}

/** Asked again until something is there. */
function Check() {
  const path = useProject();
  const met = useQuery({
    queryKey: ["catalog", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/catalog/events", { params: { path } })),
    refetchInterval: (query) => (query.state.data?.events.length ? false : 3_000),
  });
  if (met.isPending) return <Skeleton lines={2} />;
  if (met.isError) return <ErrorState error={met.error} retry={met.refetch} />;
  const { events } = met.data;
  if (!events.length) {
    return (
      <p role="status" className="waiting">
        {text.first.waiting}
      </p>
    );
  }
  const first = events.map((one) => one.firstSeenAt).reduce((one, other) => (one < other ? one : other));
  const last = events.map((one) => one.lastSeenAt).reduce((one, other) => (one > other ? one : other));
  return (
    <>
      <p className="status active">{text.settings.works}</p>
      <dl className="facts">
        <dt>{text.data.first}</dt>
        <dd>
          <Time at={first} whole />
        </dd>
        <dt>{text.data.last}</dt>
        <dd>
          <Time at={last} whole />
        </dd>
        <dt>{text.data.events}</dt>
        <dd>
          <Num value={events.reduce((sum, one) => sum + one.count, 0)} />
        </dd>
      </dl>
    </>
  );
}
