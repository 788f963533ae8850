/** How long what is kept; what would go now is shown before it is saved. */
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { Field } from "../../kit/Field";
import { ErrorState, Skeleton } from "../../kit/states";
import { Num, Time } from "../../kit/values";
import { text } from "../../text/en";
import { Setting } from "./Setting";

const PATH = "/v1/projects/{project}/settings/retention";
const KEPT = ["inactiveUsers", "events", "conversations", "quarantine", "audit"] as const;
const LEAST = { audit: 35 } as Partial<Record<(typeof KEPT)[number], number>>;

type Days = Record<(typeof KEPT)[number], number | null>;

export default function Retention() {
  const path = useProject();
  return (
    <Setting<Schemas["RetentionAnswer"], Days>
      of={{
        id: "setting-retention",
        name: text.settings.retention,
        says: text.settings.retentionSays,
        read: () => call(api.GET(PATH, { params: { path } })),
        put: (body, version) => call(api.PUT(PATH, { params: { path, header: { "If-Match": version } }, body })),
        valueOf: (seen) => Object.fromEntries(KEPT.map((name) => [name, seen[name]])) as Days,
        said: (form) => Object.fromEntries(KEPT.map((name) => [name, Number(form.get(name)) || null])) as Days,
        show: (days) =>
          KEPT.map((name) => `${text.settings.kept[name]}: ${text.settings.days(days[name])}`).join(" · "),
        fields: (days, seen) => (
          <>
            {KEPT.map((name) => (
              <Field
                key={name}
                name={name}
                type="number"
                min={LEAST[name] ?? 1}
                max={36_500}
                step={1}
                label={text.settings.kept[name]}
                hint={text.settings.keptHints[name]}
                placeholder={text.settings.days(null)}
                defaultValue={days[name] ?? ""}
              />
            ))}
            {seen.appliesFrom && (
              <p className="muted">
                {text.settings.appliesFrom} <Time at={seen.appliesFrom} whole />
              </p>
            )}
          </>
        ),
        preview: (days, known) => <DryRun days={days} known={known} />,
      }}
    />
  );
}

function DryRun({ days, known }: { days: Days; known: () => void }) {
  const path = useProject();
  const run = useQuery({
    queryKey: ["retention-dry-run", path.project, days],
    queryFn: () =>
      call(api.POST("/v1/projects/{project}/settings/retention/dry-run", { params: { path }, body: days })),
    staleTime: 0,
    gcTime: 0,
  });
  useEffect(() => {
    if (run.isSuccess) known();
    // Once is enough, and `known` is another one each time.
  }, [run.isSuccess]);
  if (run.isPending) return <Skeleton lines={4} />;
  if (run.isError) return <ErrorState error={run.error} retry={run.refetch} />;
  const due = KEPT.flatMap((name) => (run.data[name] ? [{ name, ...run.data[name] }] : []));
  if (!due.length) return <p>{text.settings.nothingGoes}</p>;
  return (
    <>
      <p>{text.settings.goes}</p>
      <table>
        <thead>
          <tr>
            <th>{text.settings.what}</th>
            <th>{text.settings.before}</th>
            <th className="number">{text.count}</th>
          </tr>
        </thead>
        <tbody>
          {due.map((one) => (
            <tr key={one.name}>
              <td>
                {text.settings.kept[one.name]}
                {one.sample.length > 0 && <small className="muted block">{one.sample.slice(0, 3).join(", ")}</small>}
              </td>
              <td>
                <Time at={one.before} whole />
              </td>
              <td className="number">
                <Num value={one.count} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="muted">{text.settings.goesLater}</p>
    </>
  );
}
