/** What a project has met: its events with their properties, and what its traits are. */
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { api, call } from "../../api/client";
import { usePlace, useProject } from "../../app/session";
import { titled, useParameter } from "../../kit/address";
import { ErrorState, Skeleton } from "../../kit/states";
import { Tabs } from "../../kit/Tabs";
import { Num, Time, Value } from "../../kit/values";
import { text } from "../../text/en";
import Properties from "./Properties";

const TABS = [
  { id: "events", name: text.data.events, view: Events, scope: "events:read" },
  { id: "properties", name: text.data.properties, view: Properties, scope: "events:read" },
  { id: "sql", name: text.data.sql, view: lazy(() => import("./sql/Sql")), scope: "sql:read" },
];

export default function Data() {
  const [tab, open] = useParameter("tab");
  const { can } = usePlace();
  const tabs = TABS.filter((one) => can(one.scope));
  const here = tabs.find((one) => one.id === tab) ?? tabs[0]!;
  useEffect(() => {
    document.title = titled(text.nav.data);
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.data}</h1>
      </div>
      <Tabs label={text.nav.data} tabs={tabs} open={here.id} choose={open}>
        <Suspense fallback={<Skeleton lines={8} />}>
          <here.view />
        </Suspense>
      </Tabs>
    </div>
  );
}

function Events() {
  const path = useProject();
  const catalog = useQuery({
    queryKey: ["catalog", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/catalog/events", { params: { path } })),
  });
  if (catalog.isPending) return <Skeleton lines={8} />;
  if (catalog.isError) return <ErrorState error={catalog.error} retry={catalog.refetch} />;
  if (!catalog.data.events.length) return <p className="state">{text.events.none}</p>;
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th>{text.events.name}</th>
            <th>{text.data.type}</th>
            <th className="number">{text.count}</th>
            <th>{text.data.first}</th>
            <th>{text.data.last}</th>
          </tr>
        </thead>
        <tbody>
          {catalog.data.events.map((one) => (
            <tr key={`${one.type}${one.event}`}>
              <td>
                <details>
                  <summary>
                    <Value value={one.event} />
                  </summary>
                  <ul>
                    {one.properties.map((property) => (
                      <li key={property.name}>
                        <code>{property.name}</code> <small className="muted">{property.types.join(", ")}</small>
                      </li>
                    ))}
                  </ul>
                </details>
              </td>
              <td>{one.type}</td>
              <td className="number">
                <Num value={one.count} />
              </td>
              <td>
                <Time at={one.firstSeenAt} />
              </td>
              <td>
                <Time at={one.lastSeenAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
