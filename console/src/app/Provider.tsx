/** The way in by an account of the OpenID provider, where there is one, and why it has let nobody in. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, call } from "../api/client";
import { text } from "../text/en";
import { readSession, SESSION } from "./session";

const WHY = "signIn"; // in the address, that the gateway sends a browser back to

/** `beside` opens it in another tab: what is typed here stays, and goes on once somebody is signed in there. */
export function Provider({ beside = false }: { beside?: boolean }) {
  const queries = useQueryClient();
  const methods = useQuery({
    queryKey: ["methods"],
    queryFn: () => call(api.GET("/v1/session/methods")),
    staleTime: Infinity,
  });
  const oidc = methods.data?.oidc;
  useEffect(() => {
    if (!beside || !oidc) return;
    const look = () =>
      void readSession().then(
        (session) => session && queries.setQueryData(SESSION, session),
        () => {}, // there is another moment
      );
    addEventListener("focus", look);
    return () => removeEventListener("focus", look);
  }, [beside, oidc, queries]);
  if (!oidc) return null;
  const to = beside || location.hash ? "/console/" : location.pathname + withoutWhy();
  return (
    <>
      <p className="or">{text.signIn.or}</p>
      <a
        className="button"
        href={`${oidc.url}?to=${encodeURIComponent(to)}`}
        target={beside ? "_blank" : undefined}
        rel={beside ? "noopener" : undefined}
      >
        {text.signIn.with(oidc.name)}
      </a>
    </>
  );
}

/** Told once: the address is without it then. */
export function useWhyNot(): string | null {
  const [why] = useState(() => new URLSearchParams(location.search).get(WHY));
  useEffect(() => {
    if (why) history.replaceState(history.state, "", location.pathname + withoutWhy());
  }, [why]);
  return why && (Object.hasOwn(text.signIn.why, why) ? text.signIn.why[why]! : text.signIn.why.failed!);
}

function withoutWhy(): string {
  const query = new URLSearchParams(location.search);
  query.delete(WHY);
  return query.size ? `?${query}` : "";
}
