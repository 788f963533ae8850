/** How many come from one event to the next. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";
import { useParameter } from "../../kit/address";
import { usePeriod } from "../../kit/period";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num } from "../../kit/values";
import { text } from "../../text/en";

const AT_FIRST = "Conversation Started, Question Asked, Answer Given, Feedback Given";

export function Funnel() {
  const path = useProject();
  const period = usePeriod();
  const [chosen, choose] = useParameter("steps");
  const steps = chosen || AT_FIRST;
  const funnel = useQuery({
    queryKey: ["funnel", path.project, period, steps],
    queryFn: () =>
      call(api.GET("/v1/projects/{project}/insights/funnel", { params: { path, query: { ...period, steps } } })),
  });
  return (
    <div className="stack">
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          choose(String(new FormData(event.currentTarget).get("steps")).trim());
        }}
      >
        <input key={steps} name="steps" className="grow" aria-label={text.insights.steps} defaultValue={steps} />
        <button type="submit">{text.users.find}</button>
      </form>
      <p className="muted">{text.insights.stepsHint}</p>
      {funnel.isPending ? (
        <Skeleton lines={5} />
      ) : funnel.isError ? (
        <ErrorState error={funnel.error} retry={funnel.refetch} />
      ) : (
        <ol className="plain funnel">
          {funnel.data.steps.map((step) => (
            <li key={step.event}>
              <p className="row">
                <strong className="grow">{step.event}</strong>
                <span>
                  <Num value={step.users} /> {text.users.unit}
                </span>
                <span className="muted">
                  <Num value={step.share} share /> {text.insights.ofAll}
                </span>
              </p>
              <svg className="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden>
                <rect width={100 * (step.share ?? 0)} height={1} />
              </svg>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
