/** Which tables there are, and what is in them: a click puts a name into the statement. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../../api/client";
import { useProject } from "../../../app/session";
import { ErrorState, Skeleton } from "../../../kit/states";
import { text } from "../../../text/en";

export function Tables({ put }: { put: (name: string) => void }) {
  const path = useProject();
  const tables = useQuery({
    queryKey: ["sql-tables", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/sql/tables", { params: { path } })),
    staleTime: Infinity,
  });
  return (
    <section className="sql-tables" aria-label={text.sql.tables} tabIndex={0}>
      <h3>{text.sql.tables}</h3>
      {tables.isPending ? (
        <Skeleton lines={6} />
      ) : tables.isError ? (
        <ErrorState error={tables.error} retry={tables.refetch} />
      ) : (
        tables.data.tables.map((table) => (
          <details key={table.name}>
            <summary title={table.description}>
              <code>{table.name}</code>
            </summary>
            <ul className="plain">
              {table.columns.map((column) => (
                <li key={column.name}>
                  <button type="button" className="link" title={column.description} onClick={() => put(column.name)}>
                    <code>{column.name}</code>
                  </button>{" "}
                  <small className="muted">{column.type}</small>
                </li>
              ))}
            </ul>
          </details>
        ))
      )}
    </section>
  );
}
