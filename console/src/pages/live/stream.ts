/** What comes in: a bounded list of it, the newest first, and whether anybody listens. */
import { useCallback, useEffect, useRef, useState } from "react";

const MOST = 300; // rows that are held

export interface LiveEvent {
  messageId: string;
  type: string;
  receivedAt: string;
  withheld?: string;
  event?: string | null;
  userId?: string | null;
  anonymousId?: string | null;
}

export interface Rejected {
  id: string;
  reason: string;
  message: string;
  messageId: string | null;
  raw: string;
  receivedAt: string;
}

export interface Gap {
  missed: number | null;
  message: string;
}

export type Row =
  | { key: number; kind: "event"; said: LiveEvent }
  | { key: number; kind: "rejected"; said: Rejected }
  | { key: number; kind: "gap"; said: Gap };

export type State = "connecting" | "listening" | "ended";

export interface Stream {
  rows: Row[];
  state: State;
  isPaused: boolean;
  waiting: number; // that came in while it was paused
  pause: (isPaused: boolean) => void;
  clear: () => void;
  again: () => void;
}

export function useStream(project: string, event: string, user: string): Stream {
  const [rows, setRows] = useState<Row[]>([]);
  const [waiting, setWaiting] = useState(0);
  const [state, setState] = useState<State>("connecting");
  const [isPaused, setPaused] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const paused = useRef(false);
  const held = useRef<Row[]>([]); // that came in meanwhile
  const key = useRef(0);
  useEffect(() => {
    const query = new URLSearchParams({ ...(event && { event }), ...(user && { user }) });
    const source = new EventSource(`/v1/projects/${encodeURIComponent(project)}/live?${query}`);
    const take = (kind: Row["kind"]) => (message: MessageEvent<string>) => {
      const row = { key: key.current++, kind, said: JSON.parse(message.data) } as Row;
      if (!paused.current) {
        setRows((before) => [row, ...before].slice(0, MOST));
        return;
      }
      held.current = [row, ...held.current].slice(0, MOST);
      setWaiting(held.current.length);
    };
    setRows([]);
    held.current = [];
    setWaiting(0);
    setState("connecting");
    source.addEventListener("event", take("event"));
    source.addEventListener("rejected", take("rejected"));
    source.addEventListener("gap", take("gap"));
    source.addEventListener("ready", () => setState("listening"));
    // It comes again by itself, unless it was refused.
    source.onerror = () => setState(source.readyState === EventSource.CLOSED ? "ended" : "connecting");
    return () => source.close();
  }, [project, event, user, attempt]);
  const pause = useCallback((now: boolean) => {
    paused.current = now;
    setPaused(now);
    if (now) return;
    const came = held.current;
    held.current = [];
    setWaiting(0);
    setRows((before) => [...came, ...before].slice(0, MOST));
  }, []);
  const clear = useCallback(() => setRows([]), []);
  const again = useCallback(() => setAttempt((before) => before + 1), []);
  return { rows, state, isPaused, waiting, pause, clear, again };
}
