/** What is chosen on a page stands in its address: it can be sent to somebody, and Back goes back to it.
 *
 * The address is read as the browser has it: the router's own reading decodes it twice, so that an id or a search with
 * a percent sign would become another one, or none at all.
 */
import { useCallback, useMemo } from "react";
import { navigate, usePathname, useSearch } from "wouter/use-browser-location";

/** The address after its `?`, without it. */
export function useAsked(): string {
  return useSearch().replace(/^\?/, "");
}

/** One parameter; empty is not there. Setting it makes an entry of the history, unless it replaces the one that is. */
export function useParameter(name: string): [string, (value: string, options?: { replace?: boolean }) => void] {
  const asked = useAsked();
  const value = useMemo(() => new URLSearchParams(asked).get(name) ?? "", [asked, name]);
  const set = useCallback(
    (value: string, options?: { replace?: boolean }) => {
      const after = new URLSearchParams(location.search);
      if (value) after.set(name, value);
      else after.delete(name);
      const written = after.toString();
      navigate(location.pathname + (written ? `?${written}` : ""), options);
    },
    [name],
  );
  return [value, set];
}

const PARTS_BEFORE = 5; // of /console/p/{project}/{page}/{what}

/** What is open over a page: the last part of /console/p/{project}/{page}/{id}; null where nothing is. */
export function useOpened(): string | null {
  const part = usePathname().split("/")[PARTS_BEFORE];
  return part ? decoded(part) : null;
}

/** A part of an address that was percent-encoded; as it is where it never was. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The title of the tab. */
export function titled(name: string): string {
  return `${name} – Ask0`;
}
