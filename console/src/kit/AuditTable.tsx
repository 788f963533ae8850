/** Entries of the audit log: when, who, what. */
import type { Schemas } from "../api/client";
import { text } from "../text/en";
import { Time, Value } from "./values";

export function AuditTable({ entries }: { entries: Schemas["AuditEntry"][] }) {
  return (
    <div className="scroll-x">
      <table>
        <thead>
          <tr>
            <th>{text.audit.when}</th>
            <th>{text.audit.what}</th>
            <th>{text.audit.who}</th>
            <th>{text.audit.on}</th>
            <th>{text.audit.from}</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={`${entry.id}${entry.at}`}>
              <td>
                <Time at={entry.at} whole />
              </td>
              <td>
                {entry.action}
                {entry.outcome === "refused" && <span className="bad"> {text.audit.refused}</span>}
              </td>
              <td>
                <Value value={entry.actor} />
              </td>
              <td>
                <Value value={[entry.entity, entry.entityId].filter(Boolean).join(" ")} />
              </td>
              <td>
                <Value value={entry.ip} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
