/** SQL of the project's own rows: a statement, the tables it can ask, and its answer as a table or a chart. */
import { useMutation } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { useProject } from "../../../app/session";
import { useParameter } from "../../../kit/address";
import { DayBars } from "../../../kit/DayBars";
import { messageOf, Skeleton } from "../../../kit/states";
import { say } from "../../../kit/toasts";
import { text } from "../../../text/en";
import { type Answer, ask, askFile, chartsOf, lineOf, MOST_CHARACTERS, MOST_IN_ADDRESS } from "./answer";
import { AnswerTable } from "./AnswerTable";
import { EXAMPLES } from "./examples";
import "./sql.css";
import { Tables } from "./Tables";

export default function Sql() {
  const { project } = useProject();
  const [linked, link] = useParameter("sql");
  const [statement, write] = useState(linked || EXAMPLES[0]!.sql);
  const editor = useRef<HTMLTextAreaElement>(null);
  const asking = useRef<AbortController | null>(null);
  const id = useId();
  const running = useMutation({
    mutationFn: (sql: string) => {
      asking.current = new AbortController();
      return ask(project, sql, asking.current.signal);
    },
  });
  const file = useMutation({
    mutationFn: (sql: string) => askFile(project, sql),
    onSuccess: save,
    onError: (error) => say(messageOf(error)),
  });
  useEffect(() => () => asking.current?.abort(), []);

  function run() {
    if (!statement.trim() || running.isPending) return;
    link(statement.length <= MOST_IN_ADDRESS ? statement : "", { replace: true });
    running.mutate(statement);
  }
  function onKey(event: KeyboardEvent) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    run();
  }
  function put(name: string) {
    const { selectionStart: start, selectionEnd: end } = editor.current!;
    write(statement.slice(0, start) + name + statement.slice(end));
    editor.current!.focus();
  }
  const stopped = asking.current?.signal.aborted;
  const error = running.error && !stopped ? running.error : null;
  const line = lineOf(error);
  return (
    <div className="sql">
      <div className="stack">
        <div className="field">
          <label htmlFor={id}>{text.sql.statement}</label>
          <textarea
            id={id}
            ref={editor}
            className="sql-editor"
            rows={8}
            spellCheck={false}
            autoCapitalize="off"
            autoComplete="off"
            maxLength={MOST_CHARACTERS}
            value={statement}
            aria-describedby={`${id}-hint${error ? ` ${id}-error` : ""}`}
            aria-invalid={error ? true : undefined}
            onChange={(event) => write(event.target.value)}
            onKeyDown={onKey}
          />
          <small id={`${id}-hint`} className="muted">
            {text.sql.hint}
          </small>
          {error && (
            <p id={`${id}-error`} className="bad" role="alert">
              {line ? text.sql.at(line) : ""}
              {messageOf(error)}
            </p>
          )}
        </div>
        <div className="row">
          {running.isPending ? (
            <button type="button" onClick={() => asking.current?.abort()}>
              {text.sql.stop}
            </button>
          ) : (
            <button type="button" className="main" onClick={run} disabled={!statement.trim()}>
              {text.sql.run}
            </button>
          )}
          <select
            className="narrow"
            aria-label={text.sql.examples}
            value=""
            onChange={(event) => write(EXAMPLES[Number(event.target.value)]!.sql)}
          >
            <option value="" disabled>
              {text.sql.examples}
            </option>
            {EXAMPLES.map((one, place) => (
              <option key={one.name} value={place}>
                {one.name}
              </option>
            ))}
          </select>
        </div>
      </div>
      <Tables put={put} />
      <div className="sql-answer">
        {running.isPending ? (
          <Skeleton lines={6} />
        ) : running.data && !error ? (
          <Shown answer={running.data} save={() => file.mutate(running.variables)} isSaving={file.isPending} />
        ) : (
          !error && <p className="state muted">{text.sql.idle}</p>
        )}
      </div>
    </div>
  );
}

function Shown({ answer, save, isSaving }: { answer: Answer; save: () => void; isSaving: boolean }) {
  const [as, choose] = useParameter("as");
  const charts = as === "chart" ? chartsOf(answer) : [];
  return (
    <div className="stack">
      <div className="row">
        <p className="grow sql-says" role="status">
          {text.sql.rows(answer.rows.length, answer.elapsedMs)} {answer.truncated && text.sql.truncated}
        </p>
        <button type="button" aria-pressed={as !== "chart"} onClick={() => choose("", { replace: true })}>
          {text.sql.asTable}
        </button>
        <button type="button" aria-pressed={as === "chart"} onClick={() => choose("chart", { replace: true })}>
          {text.sql.asChart}
        </button>
        <button type="button" onClick={save} disabled={isSaving}>
          {text.sql.csv}
        </button>
      </div>
      {!answer.rows.length ? (
        <p className="state">{text.sql.nothing}</p>
      ) : as !== "chart" ? (
        <AnswerTable answer={answer} />
      ) : charts.length ? (
        charts.map((one) => (
          <DayBars key={one.title} title={one.title} values={one.values} first={answer.columns[0]!.name} />
        ))
      ) : (
        <p className="state">{text.sql.noChart}</p>
      )}
    </div>
  );
}

function save(content: Blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = "answer.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}
