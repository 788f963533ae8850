/** What is shown in place of what is not there: it loads, it failed, there is none, or one may not see it. */
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { text } from "../text/en";

/** For people: what happened and what to do. */
export function messageOf(error: unknown): string {
  if (!(error instanceof ApiError)) return text.errors.ours;
  if (error.status === 0) return text.errors.offline;
  if (error.code === "missing_scope") return text.errors.scope(String(error.body.scope ?? ""));
  if (error.status === 503) return text.errors.away;
  if (error.status === 500) return `${text.errors.ours} ${error.requestId ?? ""}`;
  return error.message.charAt(0).toUpperCase() + error.message.slice(1);
}

export function ErrorState({ error, retry }: { error: unknown; retry?: () => void }) {
  const isForbidden = error instanceof ApiError && error.status === 403;
  return (
    <div className="state" role="alert">
      <h2>{isForbidden ? text.errors.forbidden : text.errors.failed}</h2>
      <p>{messageOf(error)}</p>
      {retry && !isForbidden && (
        <button type="button" onClick={retry}>
          {text.errors.retry}
        </button>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Some lines of the size that text will have. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div className="skeleton" role="status" aria-label={text.loading}>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  );
}

export function PageSkeleton() {
  return (
    <div className="page">
      <Skeleton lines={8} />
    </div>
  );
}
