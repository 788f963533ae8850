// Every call a server-side SDK has, then tracks; settles when the SDK has told of the fate of each, rejects on a loss.

const [, , host, writeKey, run, tracks] = process.argv;

export { host, writeKey };

export function makeCalls(analytics) {
  const fates = [];
  const call = (method, message) =>
    fates.push(
      new Promise((resolve, reject) => {
        analytics[method](message, (error) => (error ? reject(error) : resolve()));
      }),
    );
  const guest = `${run}-before`;
  call("identify", { userId: run, traits: { email: `${run}@example.com`, plan: "pro", seats: 3 } });
  call("group", { userId: run, groupId: "acme", traits: { industry: "tools", n: 0 } });
  call("page", { userId: run, category: "Docs", name: "Install", properties: { path: "/install", n: 1 } });
  call("screen", { userId: run, category: "App", name: "Home", properties: { dark: true, n: 2 } });
  call("track", { anonymousId: guest, event: "Signed Up", properties: { n: 3 } });
  call("alias", { userId: run, previousId: guest });
  for (let n = 4; n < 4 + Number(tracks); n++)
    call("track", { userId: run, event: "Asked", properties: { conversationId: `${run}-talk`, n } });
  return Promise.all(fates);
}
