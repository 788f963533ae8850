// A real OpenID provider: `node provider.mjs PORT REDIRECT_URI`. Whoever types a login is that account.
// Beside it, at /control, the tests say who an account is, and what is to be wrong with the next id_tokens.
import { createServer } from "node:http";
import * as jose from "jose";
import Provider from "oidc-provider";

const [port, redirectUri] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const SECRET = "secret of the client, with 100% odd characters + more";
const ALGORITHM = "RS256";
const { privateKey, publicKey } = await jose.generateKeyPair(ALGORITHM, { extractable: true });
const stranger = await jose.generateKeyPair(ALGORITHM);
const jwk = { ...(await jose.exportJWK(privateKey)), use: "sig", alg: ALGORITHM, kid: "first" };

const accounts = new Map();
let twist = "";

const signed = (claims, key = privateKey, header = {}) =>
  new jose.SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, kid: "first", ...header }).sign(key);
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const TWISTS = {
  nonce: (claims) => signed({ ...claims, nonce: "another" }),
  noNonce: ({ nonce, ...claims }) => signed(claims),
  audience: (claims) => signed({ ...claims, aud: "another" }),
  issuer: (claims) => signed({ ...claims, iss: "https://another.example.com" }),
  expired: (claims) => signed({ ...claims, iat: claims.iat - 9000, exp: claims.exp - 9000 }),
  noExpiry: ({ exp, ...claims }) => signed(claims),
  accessToken: (claims) => signed({ ...claims, at_hash: "AAAAAAAAAAAAAAAAAAAAAA" }),
  subject: (claims) => signed({ ...claims, sub: 7 }),
  stranger: (claims) => signed(claims, stranger.privateKey),
  unknownKey: (claims) => signed(claims, stranger.privateKey, { kid: "another" }),
  none: (claims) => `${encoded({ alg: "none" })}.${encoded(claims)}.`,
  symmetric: async (claims) =>
    signed(claims, Buffer.from(await jose.exportSPKI(publicKey)), { alg: "HS256" }),
  clientSecret: (claims) => signed(claims, Buffer.from(SECRET), { alg: "HS256" }),
  rubbish: () => "no token at all",
  missing: () => undefined,
  number: () => 7,
};

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "ask0",
      client_secret: SECRET,
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: process.env.AUTH_METHOD ?? "client_secret_post",
    },
  ],
  clientAuthMethods: [process.env.AUTH_METHOD ?? "client_secret_post"],
  jwks: { keys: [jwk] },
  cookies: { keys: ["of the tests"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (context, { uid }) => `/interaction/${uid}` },
  pkce: { required: () => true },
  conformIdTokenClaims: process.env.EMAIL_IN !== "id_token",
  findAccount: (context, id) => ({ accountId: id, claims: () => accounts.get(id) ?? { sub: id } }),
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
});

provider.use(async (context, next) => {
  await next();
  if (context.path !== "/token" || !context.body?.id_token || !twist) return;
  if (twist === "page") context.body = "<!doctype html>";
  else if (twist === "huge") context.body = { ...context.body, more: "x".repeat(3_000_000) };
  else context.body = { ...context.body, id_token: await TWISTS[twist](jose.decodeJwt(context.body.id_token)) };
});

const FORM = `<!doctype html><html lang="en"><title>Provider</title>
  <form method="post"><label>Login <input name="login"></label> <button>Continue</button></form></html>`;

async function read(request) {
  let body = "";
  for await (const piece of request) body += piece;
  return body;
}

const answer = provider.callback();
createServer(async (request, response) => {
  if (request.url === "/control") {
    const said = JSON.parse(await read(request));
    for (const [login, claims] of Object.entries(said.accounts ?? {})) accounts.set(login, claims);
    twist = said.twist ?? "";
    response.end();
  } else if (request.url === "/favicon.ico") {
    response.writeHead(204).end();
  } else if (!request.url.startsWith("/interaction/")) {
    answer(request, response);
  } else if (request.method === "GET") {
    response.setHeader("content-type", "text/html").end(FORM);
  } else {
    const login = new URLSearchParams(await read(request)).get("login");
    const result = login ? { login: { accountId: login } } : { error: "access_denied" };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }
}).listen(Number(port), "127.0.0.1");
