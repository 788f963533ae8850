/** The stub that a page carries: records calls in order, and loads the bundle with the page's own nonce. */

window.ask0 ||
  ((q: unknown[], script: HTMLScriptElement) => {
    (window as { ask0: unknown }).ask0 = new Proxy({ q } as Record<string | symbol, unknown>, {
      get: (live, name) =>
        name in live || name === "then" // or `await ask0` would never end
          ? live[name]
          : (...args: unknown[]) => new Promise((done) => q.push([name, args, Date.now(), done])),
    });
    script.nonce = (document.currentScript || script).nonce;
    script.crossOrigin = "";
    script.src = "__ASK0_HOST__/ask0.js#__ASK0_KEY__";
    document.head.append(script);
  })([], document.createElement("script"));
