/** A change of what a list shows: the list is read again, then it goes on. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ApiError } from "../api/client";
import { useProject } from "../app/session";

/** `lists` are the first words of their keys, before the project. `done` is told what came of it. */
export function useChanging<Value = void, Made = unknown>(
  lists: string[],
  change: (value: Value) => Promise<Made>,
  done?: (made: Made, value: Value) => void,
) {
  const { project } = useProject();
  const queries = useQueryClient();
  return useMutation<Made, ApiError, Value>({
    mutationFn: async (value) => {
      const made = await change(value);
      await Promise.all(lists.map((list) => queries.invalidateQueries({ queryKey: [list, project] })));
      return made;
    },
    onSuccess: done,
  });
}
