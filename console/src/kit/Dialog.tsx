/** A dialog on the native element, which keeps the focus inside and gives it back. */
import { type ReactNode, useEffect, useId, useRef } from "react";
import { text } from "../text/en";

interface Props {
  title: ReactNode;
  children: ReactNode;
  close?: () => void; // without it there is no way but what is inside
  wide?: boolean;
}

export function Dialog({ title, children, close, wide }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    const shown = dialog.current!;
    const before = document.activeElement as HTMLElement | null;
    shown.showModal();
    return () => {
      shown.close();
      before?.focus?.();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={wide ? "wide" : undefined}
      aria-labelledby={name}
      onCancel={(event) => {
        if (event.target !== dialog.current) return;
        event.preventDefault();
        close?.();
      }}
      onPointerDown={(event) => event.target === dialog.current && close?.()}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={name}>{title}</h2>
          {close && (
            <button type="button" className="quiet" onClick={close} aria-label={text.close}>
              ✕
            </button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ReactNode;
  /** What has to be typed to go on; nothing where what is done can be undone. */
  typed?: string;
  action: string;
  isBusy?: boolean;
  error?: ReactNode;
  close: () => void;
  confirm: (said: FormData) => void;
}

/** Before something is done that cannot be taken back lightly: it names what goes. */
export function Confirm({ title, children, typed, action, isBusy, error, close, confirm }: ConfirmProps) {
  return (
    <Dialog title={title} close={close}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          confirm(new FormData(event.currentTarget));
        }}
      >
        {children}
        {typed !== undefined && (
          <label className="field">
            <span>{text.confirm.type(typed)}</span>
            <input
              name="typed"
              required
              autoComplete="off"
              spellCheck={false}
              onInput={(event) => {
                const input = event.currentTarget;
                input.setCustomValidity(input.value === typed ? "" : text.confirm.type(typed));
              }}
            />
          </label>
        )}
        {error && (
          <p className="bad" role="alert">
            {error}
          </p>
        )}
        <div className="row end">
          <button type="button" onClick={close}>
            {text.cancel}
          </button>
          <button type="submit" className={typed === undefined ? "main" : "danger"} disabled={isBusy}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
