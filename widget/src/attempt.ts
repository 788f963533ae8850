/** What `run` returns; nothing where the browser does not let it (blocked storage, a full quota, a sandboxed frame). */
export function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
