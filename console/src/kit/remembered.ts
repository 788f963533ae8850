/** What a page remembers of itself in its entry of the browser's history: Back brings it back, a new visit does not. */

export function remembered<T>(name: string): T | undefined {
  return (history.state as Record<string, T> | null)?.[name];
}

export function remember(name: string, value: unknown): void {
  history.replaceState({ ...history.state, [name]: value }, "");
}
