/** The moments of a page's life that matter to a queue. */

/**
 * When the page goes out of sight, which may be its last moment (`unload` never comes on phones, and keeps pages out of
 * the back/forward cache), and when it is back.
 */
export function whenLeaving(run: () => void): void {
  addEventListener("visibilitychange", run); // it bubbles from the document
  addEventListener("pagehide", run);
}

/** Now, or when a prerendered page is really shown. */
export function whenShown(run: () => void): void {
  if ((document as { prerendering?: boolean }).prerendering) addEventListener("prerenderingchange", run, true);
  else run();
}
