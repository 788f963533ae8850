/** A gateway on the loopback that records requests, and answers what a test has put in line for them. */

import { createServer } from "node:http";
import { after, mock } from "node:test";
import { gunzipSync } from "node:zlib";
import { Ask0 } from "../dist/esm/index.js";

const servers = [];
after(() => servers.forEach((server) => (server.closeAllConnections(), server.close())));

/** Answers are `{ status, headers, body }`, or a function of the response; with none left all goes well. */
export async function serve(...answers) {
  const requests = [];
  const server = createServer(async (incoming, response) => {
    const parts = [];
    try {
      for await (const part of incoming) parts.push(part);
    } catch {
      return; // cut off by the client
    }
    const bytes = Buffer.concat(parts);
    const text = `${incoming.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes}`;
    const { method, url, headers } = incoming;
    const request = { method, path: url, headers, text, bytes: bytes.length, at: performance.now() };
    request.json = text && headers["content-type"] === "application/json" ? JSON.parse(text) : undefined;
    requests.push(request);
    const answer = (gateway.always ? gateway.always(request) : answers.shift()) ?? { body: usual(request) };
    if (typeof answer === "function") return answer(response);
    const { status = 200, headers: own, body = {} } = answer;
    response.writeHead(status, { "content-type": "application/json", ...own });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  servers.push(server);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const gateway = {
    requests,
    answers,
    always: undefined,
    url: `http://127.0.0.1:${server.address().port}`,
    batches: () => requests.map(({ json }) => json.batch),
    events: () => requests.flatMap(({ json }) => json.batch),
    close: () => (server.closeAllConnections(), new Promise((done) => server.close(done))),
  };
  return gateway;
}

function usual({ json }) {
  return json?.batch ? { success: true, accepted: json.batch.length, rejected: [] } : {};
}

/** A client of the gateway that keeps what it was told; its jitter is none unless the test says otherwise. */
export function clientOf(gateway, options = {}) {
  if (!Math.random.mock) mock.method(Math, "random", () => 0);
  const refused = [];
  const errors = [];
  const ask0 = new Ask0({
    secretKey: "sk_test",
    host: gateway.url,
    onRefused: (event) => refused.push(event),
    onError: (error) => errors.push(error),
    ...options,
  });
  return { ask0, refused, errors };
}

/** Takes the request, and never answers. */
export const hang = () => {};

/** Takes the request, and cuts the connection. */
export const cut = (response) => response.destroy();

/** The head of an answer and half of its body, then nothing. */
export function halfOf(text, { end = false } = {}) {
  return (response) => {
    response.writeHead(200, { "content-type": "application/json", ...(!end && { "content-length": text.length }) });
    response.write(text.slice(0, text.length / 2));
    if (end) response.end();
  };
}
