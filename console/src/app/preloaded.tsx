/** Pages that are fetched before they are opened: one that is there already shows at once, where React would hold it
 * back for a third of a second behind its skeleton. */
import { type ComponentType, createElement, lazy, useState } from "react";

interface Module {
  default: ComponentType;
}

export interface Preloaded {
  view: ComponentType;
  preload: () => void;
}

export function preloaded(load: () => Promise<Module>): Preloaded {
  let loaded: ComponentType | null = null;
  let loading: Promise<Module> | null = null;
  const fetchOnce = () => {
    loading ??= load().then(
      (found) => {
        loaded = found.default;
        return found;
      },
      (error: unknown) => {
        loading = null; // the next one who needs it tries again
        throw error;
      },
    );
    return loading;
  };
  const Later = lazy(fetchOnce);
  function View() {
    const [kind] = useState<{ of: ComponentType }>(() => ({ of: loaded ?? Later })); // what is shown stays the same
    return createElement(kind.of);
  }
  return { view: View, preload: () => navigator.onLine && void fetchOnce().catch(() => {}) };
}
