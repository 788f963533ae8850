/** What is chosen on a page stands in its address: it can be sent to somebody, and Back goes back to it. */
import { useCallback } from "react";
import { useSearchParams } from "wouter";

/** One parameter; empty is not there. Setting it makes an entry of the history, unless it replaces the one that is. */
export function useParameter(name: string): [string, (value: string, options?: { replace?: boolean }) => void] {
  const [parameters, setParameters] = useSearchParams();
  const set = useCallback(
    (value: string, options?: { replace?: boolean }) =>
      setParameters((before) => {
        const after = new URLSearchParams(before);
        if (value) after.set(name, value);
        else after.delete(name);
        return after;
      }, options),
    [name, setParameters],
  );
  return [parameters.get(name) ?? "", set];
}

/** The title of the tab. */
export function titled(name: string): string {
  return `${name} – Ask0`;
}
