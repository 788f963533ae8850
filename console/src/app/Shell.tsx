/** What is around every page: navigation, the project, the account, and which keys there are. */
import { Suspense, useEffect, useMemo, useState } from "react";
import { Link, Redirect, Route, Router, Switch, useLocation } from "wouter";
import { Boundary } from "../kit/Boundary";
import { Dialog } from "../kit/Dialog";
import { Toasts } from "../kit/toasts";
import { Stale } from "../kit/Stale";
import { PageSkeleton } from "../kit/states";
import { text } from "../text/en";
import { Account } from "./Account";
import { type Page, pages } from "./pages";
import { PlaceContext, type Project, type Session } from "./session";

const IDLE_MS = 1_500;

export function Shell({ session, project }: { session: Session; project: Project }) {
  const [isAccountOpen, openAccount] = useState(false);
  const [areKeysShown, showKeys] = useState(false);
  const place = useMemo(
    () => ({ session, project, can: (scope: string) => project.scopes.includes(scope) }),
    [session, project],
  );
  useEffect(() => {
    const look = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key === "?" && !target.closest("input, textarea, select, dialog")) showKeys(true);
    };
    addEventListener("keydown", look);
    return () => removeEventListener("keydown", look);
  }, []);
  const shown = useMemo(() => pages.filter((page) => !page.scope || place.can(page.scope)), [place]);
  useEffect(() => {
    // The rest of the console comes while nobody waits for anything.
    const timer = setTimeout(() => shown.forEach((page) => page.of.preload()), IDLE_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <PlaceContext value={place}>
      <Router base={`/p/${project.id}`}>
        <a className="skip" href="#main">
          {text.shell.skip}
        </a>
        <div className="shell">
          <header className="side">
            <Link href="/dashboard" className="brand">
              Ask0
            </Link>
            <ProjectChoice session={session} project={project} />
            <nav aria-label={text.shell.pages}>
              {shown.map((page) => (
                <NavLink key={page.path} page={page} />
              ))}
            </nav>
            <div className="side-end">
              <button type="button" className="quiet" onClick={() => showKeys(true)}>
                {text.shell.keys}
              </button>
              <button type="button" className="quiet account" onClick={() => openAccount(true)}>
                <span>{session.member.name || session.member.email || text.account.you}</span>
                <small>{project.roleName}</small>
              </button>
            </div>
          </header>
          <main id="main" tabIndex={-1}>
            {!session.member.hasPassword && <NoPassword open={() => openAccount(true)} />}
            <Stale />
            <Suspense fallback={<PageSkeleton />}>
              <Switch>
                {shown.map((page) => (
                  <Route key={page.path} path={`/${page.path}`} nest>
                    <Boundary key={page.path}>
                      <page.of.view />
                    </Boundary>
                  </Route>
                ))}
                <Route>
                  <Redirect to={`/${shown[0]!.path}`} replace />
                </Route>
              </Switch>
            </Suspense>
          </main>
        </div>
        {isAccountOpen && <Account close={() => openAccount(false)} />}
        {areKeysShown && <Keys close={() => showKeys(false)} />}
        <Toasts />
      </Router>
    </PlaceContext>
  );
}

function NavLink({ page }: { page: Page }) {
  const [location] = useLocation();
  const isHere = location === `/${page.path}` || location.startsWith(`/${page.path}/`);
  return (
    <Link
      href={`/${page.path}`}
      aria-current={isHere ? "page" : undefined}
      onPointerEnter={page.of.preload}
      onFocus={page.of.preload}
    >
      {page.name}
    </Link>
  );
}

function ProjectChoice({ session, project }: { session: Session; project: Project }) {
  if (session.projects.length === 1) return <p className="project">{project.name}</p>;
  return (
    <label className="project">
      <span className="unseen">{text.shell.project}</span>
      <select
        value={project.id}
        onChange={(event) => location.assign(`/console/p/${encodeURIComponent(event.target.value)}/dashboard`)}
      >
        {session.projects.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}

function NoPassword({ open }: { open: () => void }) {
  return (
    <div className="notice" role="status">
      <p>{text.account.noPassword}</p>
      <button type="button" onClick={open}>
        {text.account.setPassword}
      </button>
    </div>
  );
}

function Keys({ close }: { close: () => void }) {
  return (
    <Dialog title={text.shell.keys} close={close}>
      <dl className="keys">
        {text.keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
