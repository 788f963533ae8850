/** What a link opens: the first owner is in at once, whoever is invited or was reset chooses a password. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { api, type ApiError, call } from "../api/client";
import { Field } from "../kit/Field";
import { messageOf } from "../kit/states";
import { text } from "../text/en";
import { Provider } from "./Provider";
import { keep, SESSION } from "./session";

export function Enter() {
  const [token] = useState(() => location.hash.slice(1));
  const queries = useQueryClient();
  const [, go] = useLocation();
  const link = useQuery({
    queryKey: ["link", token],
    queryFn: () => call(api.POST("/v1/session/link", { body: { token } })),
    retry: false,
    staleTime: Infinity,
  });
  const use = useMutation<unknown, ApiError, { name?: string; password?: string }>({
    mutationFn: async (said) => {
      const session = await call(api.POST("/v1/session/link/use", { body: { token, ...said } }));
      queries.setQueryData(SESSION, keep(session));
      go("/", { replace: true });
    },
  });
  const wasUsed = useRef(false);
  useEffect(() => {
    document.title = `${text.enter.title} – Ask0`;
    if (link.data?.kind === "first" && !wasUsed.current) {
      wasUsed.current = true; // it works once, and development renders twice
      use.mutate({});
    }
  }, [link.data, use]);

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    use.mutate({ name: String(said.get("name") ?? "") || undefined, password: String(said.get("password")) });
  }

  const error = link.error ?? (use.error && !use.error.at("password") ? use.error : null);
  return (
    <main className="alone">
      <div className="card">
        <p className="brand">Ask0</p>
        {error ? (
          <>
            <h1>{text.enter.notValid}</h1>
            <p role="alert">{messageOf(error)}</p>
            <a href="/console/">{text.enter.toSignIn}</a>
          </>
        ) : !link.data || link.data.kind === "first" ? (
          <h1>{text.enter.wait}</h1>
        ) : (
          <>
            <h1>{link.data.kind === "reset" ? text.enter.reset : text.enter.welcome(link.data.projectName)}</h1>
            <form className="stack" onSubmit={submit}>
              <Field
                label={text.signIn.email}
                name="email"
                defaultValue={link.data.email}
                readOnly
                autoComplete="username"
              />
              {link.data.kind === "invitation" && (
                <Field label={text.account.name} name="name" autoComplete="name" maxLength={200} />
              )}
              <Field
                label={text.account.newPassword}
                hint={text.account.passwordHint}
                name="password"
                type="password"
                autoComplete="new-password"
                minLength={8}
                maxLength={128}
                required
                error={use.error?.at("password")}
              />
              <button type="submit" className="main" disabled={use.isPending}>
                {text.enter.do}
              </button>
            </form>
            {link.data.kind === "invitation" && <Provider />}
          </>
        )}
      </div>
    </main>
  );
}
