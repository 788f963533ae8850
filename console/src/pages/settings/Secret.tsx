/** What is told once: to be copied now. */
import { useState } from "react";
import { Dialog } from "../../kit/Dialog";
import { text } from "../../text/en";

export function Secret({ text: told, close }: { text: string; close: () => void }) {
  const [wasCopied, tell] = useState(false);
  return (
    <Dialog title={text.apiKeys.secret}>
      <div className="stack">
        <p>{text.apiKeys.once}</p>
        <p>
          <code className="told">{told}</code>
        </p>
        <div className="row end">
          <span role="status" className="muted">
            {wasCopied && text.copied}
          </span>
          <button type="button" onClick={() => navigator.clipboard.writeText(told).then(() => tell(true))}>
            {text.doCopy}
          </button>
          <button type="button" className="main" onClick={close}>
            {text.apiKeys.kept}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
