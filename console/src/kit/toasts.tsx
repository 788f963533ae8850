/** Short messages that come and go; readers hear them, too. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { text } from "../text/en";

const SHOWN_MS = 5_000;
const UNDO_MS = 15_000; // so long what was done can be taken back from here

interface Toast {
  id: number;
  message: string;
  undo?: () => void;
}

let toasts: Toast[] = [];
let next = 0;
const watchers = new Set<() => void>();

export function say(message: string, undo?: () => void): void {
  set([...toasts, { id: next++, message, undo }]);
}

function set(now: Toast[]): void {
  toasts = now.slice(-4);
  watchers.forEach((told) => told());
}

function watch(told: () => void): () => void {
  watchers.add(told);
  return () => watchers.delete(told);
}

export function Toasts() {
  const shown = useSyncExternalStore(watch, () => toasts);
  return (
    <div className="toasts" role="status">
      {shown.map((toast) => (
        <Shown key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function Shown({ toast }: { toast: Toast }) {
  const [isOver, end] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => end(true), toast.undo ? UNDO_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [toast]);
  useEffect(() => {
    if (isOver) set(toasts.filter((one) => one !== toast));
  }, [isOver, toast]);
  return (
    <p>
      {toast.message}
      {toast.undo && (
        <button
          type="button"
          onClick={() => {
            toast.undo!();
            end(true);
          }}
        >
          {text.undo}
        </button>
      )}
    </p>
  );
}
