/** What a project is told how to do, and by whom. */
import { type ComponentType, lazy, Suspense, useEffect } from "react";
import { usePlace } from "../../app/session";
import { titled, useParameter } from "../../kit/address";
import { Skeleton } from "../../kit/states";
import { Tabs } from "../../kit/Tabs";
import { text } from "../../text/en";
import "./settings.css";

const TABS: { id: string; name: string; scope?: string; view: ComponentType }[] = [
  { id: "install", name: text.settings.install, scope: "events:read", view: lazy(() => import("./Install")) },
  { id: "keys", name: text.settings.keys, scope: "settings:write", view: lazy(() => import("./Keys")) },
  { id: "chat", name: text.settings.chat, scope: "settings:write", view: lazy(() => import("./Chat")) },
  { id: "privacy", name: text.user.privacy, scope: "settings:write", view: lazy(() => import("./Privacy")) },
  { id: "retention", name: text.settings.retention, scope: "settings:write", view: lazy(() => import("./Retention")) },
  { id: "members", name: text.settings.members, scope: "members:write", view: lazy(() => import("./Members")) },
  { id: "roles", name: text.settings.roles, scope: "members:write", view: lazy(() => import("./Roles")) },
  { id: "jobs", name: text.jobs.title, view: lazy(() => import("./Jobs")) },
  { id: "audit", name: text.settings.audit, scope: "audit:read", view: lazy(() => import("./AuditLog")) },
];

export default function Settings() {
  const { can } = usePlace();
  const [tab, open] = useParameter("tab");
  const shown = TABS.filter((one) => !one.scope || can(one.scope));
  const here = shown.find((one) => one.id === tab) ?? shown[0]!; // one is for everybody
  useEffect(() => {
    document.title = titled(text.nav.settings);
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.settings}</h1>
      </div>
      <Tabs label={text.nav.settings} tabs={shown} open={here.id} choose={open}>
        <Suspense key={here.id} fallback={<Skeleton lines={6} />}>
          <here.view />
        </Suspense>
      </Tabs>
    </div>
  );
}
