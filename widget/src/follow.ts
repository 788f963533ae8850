/** Page views of sites that show another page without loading it. */

/** Runs when the address has changed: its path or its query, not a fragment alone. */
export function follow(run: () => void): void {
  const shown = () => location.pathname + location.search;
  let last = shown();

  function look(): void {
    if (last !== shown()) run();
    last = shown();
  }

  for (const name of ["pushState", "replaceState"] as const) {
    const change = history[name];
    history[name] = function (...args) {
      change.apply(this, args);
      setTimeout(look); // sites set the title after the address
    };
  }
  addEventListener("popstate", () => setTimeout(look));
}
