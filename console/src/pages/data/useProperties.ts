/** What a project has defined its users' traits to be, and the one call that changes it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, call, type Schemas } from "../../api/client";
import { useProject } from "../../app/session";
import { useSaving } from "../../kit/saving";

export interface Property {
  name: string;
  type: "text" | "number" | "boolean" | "date" | "geo" | "texts" | "numbers";
  required?: boolean;
  description?: string;
  pii?: boolean;
  trusted?: boolean;
  minLength?: number;
  maxLength?: number;
  minValue?: number;
  maxValue?: number;
  maxElements?: number;
}

export type Properties = Omit<Schemas["PropertyList"], "properties"> & { properties: Property[] };

export const TYPES: Property["type"][] = ["text", "number", "boolean", "date", "geo", "texts", "numbers"];

export const LIMITS: Partial<
  Record<Property["type"], ("minLength" | "maxLength" | "minValue" | "maxValue" | "maxElements")[]>
> = {
  text: ["minLength", "maxLength"],
  number: ["minValue", "maxValue"],
  texts: ["maxElements"],
  numbers: ["maxElements"],
};

const PATH = "/v1/projects/{project}/properties";

export function useProperties() {
  const path = useProject();
  return useQuery({
    queryKey: ["properties", path.project],
    queryFn: async () => (await call(api.GET(PATH, { params: { path } }))) as unknown as Properties,
  });
}

/** Puts the property in the place of the one of this name, or takes that away for null. */
export function useSavingProperty(seen: Properties, name: string, done: (now: Properties, before: Properties) => void) {
  const path = useProject();
  const queries = useQueryClient();
  async function put(properties: Property[], version: string): Promise<Properties> {
    const header = { "If-Match": version };
    const body = { properties: properties as unknown as Schemas["PropertyEdit"]["properties"] };
    const now = (await call(api.PUT(PATH, { params: { path, header }, body }))) as unknown as Properties;
    queries.setQueryData(["properties", path.project], now);
    return now;
  }
  const saving = useSaving<Properties, Property | null>(
    seen,
    (property, from) => put(replaced(from.properties, name, property), from.version),
    done,
  );
  return { ...saving, put };
}

function replaced(all: Property[], name: string, property: Property | null): Property[] {
  if (!property) return all.filter((one) => one.name !== name);
  if (!all.some((one) => one.name === name)) return [...all, property];
  return all.map((one) => (one.name === name ? property : one));
}
