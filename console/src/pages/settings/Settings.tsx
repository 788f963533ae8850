/** What a project is told how to do, and by whom. */
import { useEffect } from "react";
import { usePlace } from "../../app/session";
import { titled, useParameter } from "../../kit/address";
import { Tabs } from "../../kit/Tabs";
import { text } from "../../text/en";
import { AuditLog } from "./AuditLog";
import { Members } from "./Members";
import { Roles } from "./Roles";

const TABS = [
  { id: "members", name: text.settings.members, scope: "members:write", view: Members },
  { id: "roles", name: text.settings.roles, scope: "members:write", view: Roles },
  { id: "audit", name: text.settings.audit, scope: "audit:read", view: AuditLog },
];

export default function Settings() {
  const { can } = usePlace();
  const [tab, open] = useParameter("tab");
  const shown = TABS.filter((one) => can(one.scope));
  const here = shown.find((one) => one.id === tab) ?? shown[0];
  useEffect(() => {
    document.title = titled(text.nav.settings);
  }, []);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{text.nav.settings}</h1>
      </div>
      {here ? (
        <Tabs label={text.nav.settings} tabs={shown} open={here.id} choose={open}>
          <here.view />
        </Tabs>
      ) : (
        <p className="state">{text.settings.nothing}</p>
      )}
    </div>
  );
}
