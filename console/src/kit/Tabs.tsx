/** Tabs: arrow keys go from one to the next, and which is open stands in the address. */
import { type KeyboardEvent, type ReactNode, useRef } from "react";

interface Props {
  label: string;
  tabs: { id: string; name: string }[];
  open: string;
  choose: (id: string) => void;
  children: ReactNode;
}

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };

export function Tabs({ label, tabs, open, choose, children }: Props) {
  const list = useRef<HTMLDivElement>(null);
  function move(event: KeyboardEvent) {
    const place = tabs.findIndex((tab) => tab.id === open);
    const step = STEPS[event.key];
    const next =
      event.key === "Home"
        ? 0
        : event.key === "End"
          ? tabs.length - 1
          : step && (place + step + tabs.length) % tabs.length;
    if (next === undefined) return;
    event.preventDefault();
    choose(tabs[next]!.id);
    list.current!.querySelectorAll<HTMLElement>("[role=tab]")[next]!.focus();
  }
  return (
    <>
      <div className="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={move}>
        {tabs.map((tab) => (
          <button
            key={tab.id}
            id={`tab-${tab.id}`}
            type="button"
            role="tab"
            aria-selected={tab.id === open}
            aria-controls="tab-panel"
            tabIndex={tab.id === open ? 0 : -1}
            onClick={() => choose(tab.id)}
          >
            {tab.name}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${open}`} tabIndex={0} className="tab-panel">
        {children}
      </div>
    </>
  );
}
