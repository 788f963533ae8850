/** Before anything has happened: what to paste, and that it is waited for. */
import { text } from "../../text/en";

export function FirstRun() {
  const snippet = `<script src="${location.origin}/snippet.js?writeKey=…"></script>`;
  return (
    <div className="state first">
      <h2>{text.first.title}</h2>
      <p>{text.first.says}</p>
      <pre className="receipt">{snippet}</pre>
      <p>{text.first.key}</p>
      <p role="status" className="waiting">
        {text.first.waiting}
      </p>
      <p>
        <a href="/demo" target="_blank" rel="noreferrer">
          {text.first.demo}
        </a>
      </p>
    </div>
  );
}
