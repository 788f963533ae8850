/** The way of a user, from the first visit on. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { ErrorState, Skeleton } from "../../kit/states";
import { Time } from "../../kit/values";
import { text } from "../../text/en";

export function Journey({ id }: { id: string }) {
  const path = { ...useProject(), id };
  const journey = useQuery({
    queryKey: ["journey", path.project, id],
    queryFn: () => call(api.GET("/v1/projects/{project}/users/{id}/journey", { params: { path } })),
  });
  if (journey.isPending) return <Skeleton lines={5} />;
  if (journey.isError) return <ErrorState error={journey.error} retry={journey.refetch} />;
  if (!journey.data.steps.length) return <p className="state">{text.events.none}</p>;
  return (
    <ol className="plain journey">
      {journey.data.steps.map((step, place) => (
        <li key={place}>
          <strong>{text.journey[step.step]}</strong> <Time at={step.at} whole />
          <p className="muted">{[step.event, step.text, step.page, step.topic].filter(Boolean).join(" · ")}</p>
        </li>
      ))}
    </ol>
  );
}
