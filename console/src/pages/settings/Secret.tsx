/** What is told once: to be copied now. */
import { Dialog } from "../../kit/Dialog";
import { Copy } from "../../kit/values";
import { text } from "../../text/en";

export function Secret({ text: told, close }: { text: string; close: () => void }) {
  return (
    <Dialog title={text.apiKeys.secret}>
      <div className="stack">
        <p>{text.apiKeys.once}</p>
        <Copy value={told} name={text.apiKeys.secret} />
        <div className="row end">
          <button type="button" className="main" onClick={close}>
            {text.apiKeys.kept}
          </button>
        </div>
      </div>
    </Dialog>
  );
}
