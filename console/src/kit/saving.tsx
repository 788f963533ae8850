/** Saves from the version that was seen. If somebody else was first, both are shown, and what was typed stays. */
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { ApiError } from "../api/client";
import { text } from "../text/en";
import { messageOf } from "./states";

export interface Versioned {
  version: string;
}

/** `save` puts the value in place of `from`; `done` is told what it is now, and what it was made from. */
export function useSaving<Seen extends Versioned, Value>(
  seen: Seen,
  save: (value: Value, from: Seen) => Promise<Seen>,
  done: (now: Seen, before: Seen) => void,
) {
  const [theirs, setTheirs] = useState<Seen | null>(null);
  const from = theirs ?? seen;
  const mutation = useMutation<Seen, ApiError, Value>({
    mutationFn: (value) => save(value, from),
    onSuccess: (now) => {
      setTheirs(null);
      done(now, from);
    },
    onError: (error) => {
      const current = error.body.current as Seen | null | undefined;
      if (error.code === "moved_on" && current) setTheirs(current);
    },
  });
  return {
    save: mutation.mutate,
    mine: mutation.variables,
    isBusy: mutation.isPending,
    error: mutation.error?.code === "moved_on" && theirs ? null : mutation.error,
    theirs,
    forget: () => {
      setTheirs(null);
      mutation.reset();
    },
  };
}

interface Props {
  theirs: ReactNode;
  mine: ReactNode;
  take?: () => void;
}

export function Both({ theirs, mine, take }: Props) {
  return (
    <div className="notice both" role="alert">
      <p>{text.errors.moved}</p>
      <dl>
        <dt>{text.user.theirs}</dt>
        <dd>{theirs}</dd>
        <dt>{text.settings.yours}</dt>
        <dd>{mine}</dd>
      </dl>
      {take && (
        <button type="button" onClick={take}>
          {text.settings.takeTheirs}
        </button>
      )}
    </div>
  );
}

export function Failed({ error }: { error: ApiError | null | undefined }) {
  if (!error) return null;
  return (
    <p className="bad" role="alert">
      {messageOf(error)}
    </p>
  );
}
