/** The roles that members of a project may have. */
import { useQuery } from "@tanstack/react-query";
import { api, call } from "../../api/client";
import { useProject } from "../../app/session";

export function useRoles() {
  const path = useProject();
  return useQuery({
    queryKey: ["roles", path.project],
    queryFn: () => call(api.GET("/v1/projects/{project}/roles", { params: { path } })),
  });
}
