/** Properties that somebody wants to see first, of every user of a project: kept in their browser. */
import { useState } from "react";
import { useProject } from "../../app/session";

const MOST = 20;

export function usePins(): [ReadonlySet<string>, (path: string) => void] {
  const name = `ask0.pins.${useProject().project}`;
  const [pins, setPins] = useState<ReadonlySet<string>>(() => new Set(read(name)));
  const toggle = (path: string) => {
    const next = new Set(pins);
    if (!next.delete(path) && next.size < MOST) next.add(path);
    localStorage.setItem(name, JSON.stringify([...next]));
    setPins(next);
  };
  return [pins, toggle];
}

function read(name: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(name) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}
