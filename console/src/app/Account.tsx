/** One's own account: name, email, password, one-time codes, where one is signed in, and how the console looks. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { api, type ApiError, call, type Schemas } from "../api/client";
import { Dialog } from "../kit/Dialog";
import { Field } from "../kit/Field";
import { messageOf } from "../kit/states";
import { Time } from "../kit/values";
import { say } from "../kit/toasts";
import { text } from "../text/en";
import { keep, SESSION, usePlace } from "./session";
import { setTheme, theme, type Theme } from "./theme";

export function Account({ close }: { close: () => void }) {
  return (
    <Dialog title={text.account.title} close={close}>
      <Names />
      <Password />
      <Codes />
      <Sessions />
      <Look />
      <SignOut />
    </Dialog>
  );
}

function useEdit() {
  const queries = useQueryClient();
  return useMutation<unknown, ApiError, Schemas["OwnEdit"]>({
    mutationFn: async (body) => {
      queries.setQueryData(SESSION, keep(await call(api.PATCH("/v1/session/member", { body }))));
      say(text.saved);
    },
  });
}

function Names() {
  const { member } = usePlace().session;
  const edit = useEdit();
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    edit.mutate({ name: String(said.get("name")), ...(!member.email && { email: String(said.get("email")) }) });
  }
  return (
    <form className="stack" onSubmit={submit}>
      <Field label={text.account.name} name="name" defaultValue={member.name} maxLength={200} autoComplete="name" />
      <Field
        label={text.signIn.email}
        name="email"
        type="email"
        defaultValue={member.email}
        readOnly={!!member.email}
        required
        error={edit.error?.at("email")}
        hint={member.email ? undefined : text.account.emailHint}
      />
      {edit.error && <p className="bad">{messageOf(edit.error)}</p>}
      <button type="submit" disabled={edit.isPending}>
        {text.save}
      </button>
    </form>
  );
}

function Password() {
  const { member } = usePlace().session;
  const edit = useEdit();
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = event.currentTarget;
    const said = new FormData(form);
    const old = member.hasPassword ? { old: String(said.get("old")) } : {};
    edit.mutate({ password: { new: String(said.get("new")), ...old } }, { onSuccess: () => form.reset() });
  }
  return (
    <form className="stack section" onSubmit={submit}>
      <h3>{member.hasPassword ? text.account.changePassword : text.account.setPassword}</h3>
      <input
        className="unseen"
        name="username"
        autoComplete="username"
        defaultValue={member.email}
        tabIndex={-1}
        aria-hidden
      />
      {member.hasPassword && (
        <Field
          label={text.account.oldPassword}
          name="old"
          type="password"
          autoComplete="current-password"
          required
          error={edit.error?.at("password.old")}
        />
      )}
      <Field
        label={text.account.newPassword}
        hint={text.account.passwordHint}
        name="new"
        type="password"
        autoComplete="new-password"
        minLength={8}
        maxLength={128}
        required
        error={edit.error?.code === "weak_password" ? edit.error.message : undefined}
      />
      {edit.error && !edit.error.details.length && <p className="bad">{messageOf(edit.error)}</p>}
      <button type="submit" disabled={edit.isPending}>
        {text.account.setPassword}
      </button>
    </form>
  );
}

function Codes() {
  const { member } = usePlace().session;
  const queries = useQueryClient();
  const [made, setMade] = useState<Schemas["CodeSecret"] | null>(null);
  const begin = useMutation<void, ApiError>({
    mutationFn: async () => setMade(await call(api.POST("/v1/session/code"))),
  });
  const turn = useMutation<void, ApiError, string>({
    mutationFn: async (code) => {
      if (made) await call(api.PUT("/v1/session/code", { body: { secret: made.secret, code } }));
      else await call(api.DELETE("/v1/session/code", { body: { code } }));
      setMade(null);
      await queries.invalidateQueries({ queryKey: SESSION });
      say(text.saved);
    },
  });
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    turn.mutate(String(new FormData(event.currentTarget).get("code")));
    event.currentTarget.reset();
  }
  return (
    <section className="stack section">
      <h3>{text.account.codes}</h3>
      <p className="muted">{member.hasCode ? text.account.codesOn : text.account.codesOff}</p>
      {!member.hasCode && !made && (
        <button type="button" onClick={() => begin.mutate()} disabled={begin.isPending || !member.hasPassword}>
          {text.account.turnCodesOn}
        </button>
      )}
      {begin.error && <p className="bad">{messageOf(begin.error)}</p>}
      {(made || member.hasCode) && (
        <form className="stack" onSubmit={submit}>
          {made && (
            <>
              <p>{text.account.secret}</p>
              <code className="secret">{made.secret.match(/.{4}/g)?.join(" ")}</code>
              <a href={made.uri}>{text.account.openApp}</a>
            </>
          )}
          <Field
            label={text.signIn.code}
            name="code"
            inputMode="numeric"
            pattern="[0-9]{6}"
            autoComplete="one-time-code"
            required
          />
          {turn.error && <p className="bad">{messageOf(turn.error)}</p>}
          <button type="submit" disabled={turn.isPending}>
            {made ? text.account.turnCodesOn : text.account.turnCodesOff}
          </button>
        </form>
      )}
    </section>
  );
}

function Sessions() {
  const queries = useQueryClient();
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: () => call(api.GET("/v1/session/all")) });
  const end = useMutation<unknown, ApiError, string>({
    mutationFn: (id) => call(api.DELETE("/v1/session/all/{id}", { params: { path: { id } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: ["sessions"] }),
  });
  return (
    <section className="stack section">
      <h3>{text.account.sessions}</h3>
      <ul className="plain">
        {sessions.data?.sessions.map((one) => (
          <li key={one.id} className="row">
            <span className="grow">
              <span className="cut">{one.device ?? text.account.unknownDevice}</span>
              <small className="muted">
                {one.ip} <Time at={one.seenAt} />
              </small>
            </span>
            {one.current ? (
              <small>{text.account.here}</small>
            ) : (
              <button type="button" onClick={() => end.mutate(one.id)}>
                {text.account.end}
              </button>
            )}
          </li>
        ))}
      </ul>
      {end.error && <p className="bad">{messageOf(end.error)}</p>}
    </section>
  );
}

function Look() {
  const [chosen, choose] = useState(theme);
  return (
    <section className="section">
      <label className="field">
        <span>{text.account.theme}</span>
        <select
          value={chosen}
          onChange={(event) => {
            choose(event.target.value as Theme);
            setTheme(event.target.value as Theme);
          }}
        >
          {Object.entries(text.account.themes).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </section>
  );
}

function SignOut() {
  const out = useMutation<void, ApiError>({
    mutationFn: async () => {
      await call(api.DELETE("/v1/session"));
      location.assign("/console/"); // nothing of what was read stays
    },
  });
  return (
    <section className="section">
      <button type="button" onClick={() => out.mutate()} disabled={out.isPending}>
        {text.account.signOut}
      </button>
      {out.error && <p className="bad">{messageOf(out.error)}</p>}
    </section>
  );
}
