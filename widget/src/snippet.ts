/** The stub that a page carries: records calls in order, and loads the bundle with the page's own nonce. */

window.ask0 ||
  ((ask0: Stub, script: HTMLScriptElement) => {
    "identify,track,page,batch,reset,flush"
      .split(",")
      .map((name) => (ask0[name] = (...args: unknown[]) => ask0.q.push([name, args, Date.now()])));
    script.nonce = (document.currentScript || script).nonce;
    script.crossOrigin = "";
    script.src = "__ASK0_HOST__/ask0.js#__ASK0_KEY__";
    document.head.append(script);
  })(((window as { ask0: unknown }).ask0 = { q: [] }) as Stub, document.createElement("script"));

interface Stub {
  q: unknown[];
  [name: string]: unknown;
}
