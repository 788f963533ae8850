/** Signing in: email and password, and the one-time code where it is asked for. */
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useEffect, useId, useState } from "react";
import { api, ApiError, call } from "../api/client";
import { Dialog } from "../kit/Dialog";
import { Field } from "../kit/Field";
import { messageOf } from "../kit/states";
import { text } from "../text/en";
import { Provider, useWhyNot } from "./Provider";
import { keep, SESSION } from "./session";

export function SignIn() {
  const whyNot = useWhyNot();
  useEffect(() => {
    document.title = `${text.signIn.title} – Ask0`;
  }, []);
  return (
    <main className="alone">
      <div className="card">
        <p className="brand">Ask0</p>
        <h1>{text.signIn.title}</h1>
        {whyNot && (
          <p className="bad" role="alert">
            {whyNot}
          </p>
        )}
        <SignInForm />
        <Provider />
      </div>
    </main>
  );
}

/** Over the page that was open when the session ended. */
export function SignInAgain({ email }: { email: string }) {
  return (
    <Dialog title={text.signIn.again}>
      <p>{text.signIn.ended}</p>
      <SignInForm email={email} />
      <Provider beside />
    </Dialog>
  );
}

function SignInForm({ email = "" }: { email?: string }) {
  const queries = useQueryClient();
  const [error, setError] = useState<ApiError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [needsCode, askForCode] = useState(false);
  const message = useId();

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const code = String(said.get("code") ?? "").trim();
    const body = { email: String(said.get("email")), password: String(said.get("password")), ...(code && { code }) };
    setBusy(true);
    try {
      queries.setQueryData(SESSION, keep(await call(api.POST("/v1/session", { body }))));
    } catch (failure) {
      const found = failure as ApiError;
      if (found.code === "code_needed" && !needsCode) {
        askForCode(true);
        setError(null);
      } else setError(found);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="stack" onSubmit={submit} aria-describedby={error ? message : undefined}>
      <Field
        label={text.signIn.email}
        name="email"
        type="email"
        autoComplete="username"
        defaultValue={email}
        required
      />
      <Field label={text.signIn.password} name="password" type="password" autoComplete="current-password" required />
      {needsCode && (
        <Field
          label={text.signIn.code}
          hint={text.signIn.codeHint}
          name="code"
          inputMode="numeric"
          autoComplete="one-time-code"
          pattern="[0-9]{6}"
          required
          autoFocus
        />
      )}
      {error && (
        <p className="bad" role="alert" id={message}>
          {messageOf(error)}
        </p>
      )}
      <button type="submit" className="main" disabled={isBusy}>
        {text.signIn.do}
      </button>
      <p className="muted">{text.signIn.lost}</p>
    </form>
  );
}
