/** Who is signed in, which project they look at, and what they may do there. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect } from "react";
import { api, ApiError, call, rememberToken, type Schemas, watchSession } from "../api/client";

export type Session = Schemas["SignedIn"];
export type Project = Schemas["MemberProject"];

export const SESSION = ["session"];

export function useSessionQuery() {
  const queries = useQueryClient();
  useEffect(() => watchSession(() => queries.setQueryData(SESSION, null)), [queries]);
  return useQuery({ queryKey: SESSION, queryFn: readSession, staleTime: Infinity });
}

/** Null when nobody is signed in. */
export async function readSession(): Promise<Session | null> {
  const { signedIn } = await call(api.GET("/v1/session/methods"));
  if (!signedIn) return null;
  try {
    return keep(await call(api.GET("/v1/session")));
  } catch (error) {
    if (error instanceof ApiError && error.code === "no_session") return null;
    throw error;
  }
}

/** Its token goes with every write from now on. */
export function keep(session: Session): Session {
  rememberToken(session.csrfToken);
  return session;
}

export interface Place {
  session: Session;
  project: Project;
  /** Whether the role in this project has the scope. */
  can: (scope: string) => boolean;
}

export const PlaceContext = createContext<Place | null>(null);

export function usePlace(): Place {
  const place = useContext(PlaceContext);
  if (!place) throw new Error("only pages of a project know their place");
  return place;
}

/** The project's id as the path of a call needs it. */
export function useProject(): { project: string } {
  return { project: usePlace().project.id };
}
