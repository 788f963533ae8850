/** Which of all there is to be seen: a link that lets somebody in, signing in, or a page of a project. */
import { useEffect, useRef } from "react";
import { Redirect, Route, Switch } from "wouter";
import { ErrorState } from "../kit/states";
import { text } from "../text/en";
import { Enter } from "./Enter";
import { type Session, useSessionQuery } from "./session";
import { Shell } from "./Shell";
import { SignIn, SignInAgain } from "./SignIn";

export function App() {
  const query = useSessionQuery();
  const before = useRef<Session | null>(null);
  useEffect(() => {
    if (query.data) before.current = query.data;
  }, [query.data]);
  return (
    <Switch>
      <Route path="/enter">
        <Enter />
      </Route>
      <Route>
        {query.isPending ? null : query.isError ? (
          <main className="alone">
            <ErrorState error={query.error} retry={query.refetch} />
          </main>
        ) : query.data ? (
          <Inside session={query.data} />
        ) : before.current ? (
          // What was being typed stays as it is below.
          <>
            <Inside session={before.current} />
            <SignInAgain email={before.current.member.email} />
          </>
        ) : (
          <SignIn />
        )}
      </Route>
    </Switch>
  );
}

function Inside({ session }: { session: Session }) {
  const first = session.projects[0];
  if (!first) {
    return (
      <main className="alone">
        <p>{text.shell.noProject}</p>
      </main>
    );
  }
  return (
    <Switch>
      <Route path="/p/:project/*?">
        {({ project }) => {
          const found = session.projects.find((one) => one.id === project);
          return found ? (
            <Shell key={found.id} session={session} project={found} />
          ) : (
            <Redirect to={`/p/${first.id}`} />
          );
        }}
      </Route>
      <Route>
        <Redirect to={`/p/${first.id}/dashboard`} replace />
      </Route>
    </Switch>
  );
}
