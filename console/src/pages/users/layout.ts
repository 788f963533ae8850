/** Which columns the list shows and how wide each is, as the address and a saved view have it. */
import { decoded } from "../../kit/address";
import { atFirst, type Column, columnOf } from "./columns";

export interface Placed {
  id: string;
  width?: number; // px; without it the column takes its share
}

export const NARROWEST = 60;
export const WIDEST = 900;
const KEPT = "ask0.columns";

export const placedAtFirst: Placed[] = atFirst.map((id) => ({ id }));

/** `email:240,plan`: each name percent-encoded, as a trait's may hold anything. What is no column is left out. */
export function readPlaced(written: string): Placed[] {
  return written.split(",").flatMap((one) => {
    const [name, width] = one.split(":");
    const id = decoded(name!);
    if (!columnOf(id)) return [];
    return [Number(width) ? { id, width: within(Number(width)) } : { id }];
  });
}

export function writePlaced(placed: Placed[]): string {
  return placed.map(({ id, width }) => encodeURIComponent(id) + (width ? `:${within(width)}` : "")).join(",");
}

export function columnsOf(placed: Placed[]): Column[] {
  return placed.map(({ id, width }) => {
    const column = columnOf(id)!;
    return width ? { ...column, width: `${width}px` } : column;
  });
}

export function within(width: number): number {
  return Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)));
}

/** As this browser's user left them last. */
export function keptPlaced(): Placed[] {
  const kept = readPlaced(localStorage.getItem(KEPT) ?? "");
  return kept.length ? kept : placedAtFirst;
}

export function keepPlaced(placed: Placed[]): void {
  localStorage.setItem(KEPT, writePlaced(placed));
}
