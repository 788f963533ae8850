/** Said once for a whole page, while anything on it could not be asked for again and is shown as it was. */
import { useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { text } from "../text/en";

export function Stale() {
  const queries = useQueryClient();
  const cache = queries.getQueryCache();
  const isStale = useSyncExternalStore(
    (told) => cache.subscribe(told),
    () => cache.getAll().some(isOld),
  );
  if (!isStale) return null;
  return (
    <div className="notice" role="status">
      <p>{text.errors.stale}</p>
      <button type="button" onClick={() => void queries.refetchQueries({ predicate: isOld })}>
        {text.errors.retry}
      </button>
    </div>
  );
}

function isOld(query: { isActive: () => boolean; state: { data: unknown; error: unknown } }): boolean {
  return query.isActive() && query.state.data !== undefined && query.state.error !== null;
}
