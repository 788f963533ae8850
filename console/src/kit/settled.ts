/** A value that changes with every key, once nothing has been typed for a moment: for what is asked of the server. */
import { useEffect, useState } from "react";

const PAUSE_MS = 200;

export function useSettled<T>(value: T): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
