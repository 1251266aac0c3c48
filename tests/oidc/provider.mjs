// SPDX-License-Identifier: Apache-2.0
// provider.mjs - a real OpenID provider (oidc-provider) for tests, on a free port of this machine, which can be told to
// lie. Prints {"issuer"} and ends when standard input does.
//
// POST /_test {"start":{"redirects":[...],"alg":"RS256","conform":false}}  begin anew, with new keys
//             {"people":{"ann":{"preferred_username":"ann","groups":["x"]}}}  who there is, with what is said of each
//             {"as":"ann"|null}       sign in as ann without asking; null: ask with a form
//             {"deny":true}           let nobody in
//             {"down":true}           hang up on everybody
//             {"lie":{"claims":{...},"none":true,"key":"unknown"|"other","tamper":true}|null}  about the ID token
import http from "node:http";
import Provider from "oidc-provider";
import * as jose from "jose";

const state = { people: {}, as: null, deny: false, down: false, lie: null };
let provider, keys, issuer;

async function key(alg) {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  return { ...(await jose.exportJWK(privateKey)), alg, use: "sig", kid: `key-${Math.random().toString(36).slice(2)}` };
}

async function forge(token) {
  const { lie } = state;
  const payload = { ...jose.decodeJwt(token), ...lie.claims };
  const header = jose.decodeProtectedHeader(token);
  if (lie.none) return new jose.UnsecuredJWT(payload).encode();
  let by = keys[0];
  if (lie.key) by = await key(header.alg);
  const signed = await new jose.SignJWT(payload)
    .setProtectedHeader({ alg: header.alg, kid: lie.key === "unknown" ? by.kid : header.kid })
    .sign(await jose.importJWK(by, header.alg));
  return lie.tamper ? signed.replace(/.{8}$/, "AAAAAAAA") : signed;
}

async function start({ redirects, alg = "RS256", conform = false }) {
  keys = [await key(alg)];
  provider = new Provider(issuer, {
    clients: [{ client_id: "reeve", client_secret: "a secret: with %odd& marks", redirect_uris: redirects, id_token_signed_response_alg: alg }],
    jwks: { keys },
    scopes: ["openid", "offline_access", "profile", "email", "groups"],
    claims: { openid: ["sub"], profile: ["preferred_username", "name"], email: ["email"], groups: ["groups"] },
    conformIdTokenClaims: conform,
    features: { devInteractions: { enabled: false }, userinfo: { enabled: true } },
    pkce: { methods: ["S256"], required: () => true },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ["for tests"] },
    findAccount: (_ctx, id) => state.people[id] && { accountId: id, claims: () => ({ sub: id, ...state.people[id] }) },
  });
  provider.use(async (ctx, next) => {
    await next();
    if (state.lie && ctx.path === "/token" && ctx.body?.id_token) ctx.body.id_token = await forge(ctx.body.id_token);
  });
}

async function body_of(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}

async function interact(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  if (state.deny) return provider.interactionFinished(request, response, { error: "access_denied", error_description: "<script>no</script>" });
  const login = state.as ?? new URLSearchParams(request.method === "POST" ? await body_of(request) : "").get("login");
  if (!state.people[login]) {
    response.setHeader("Content-Type", "text/html");
    return response.end('<!doctype html><title>Provider</title><form method="post"><label>Who are you? <input name="login"></label> <button>Go on</button></form>');
  }
  const grant = new provider.Grant({ accountId: login, clientId: params.client_id });
  grant.addOIDCScope("openid profile email groups");
  return provider.interactionFinished(request, response, { login: { accountId: login }, consent: { grantId: await grant.save() } });
}

const server = http.createServer(async (request, response) => {
  try {
    if (request.url === "/_test") {
      const told = JSON.parse(await body_of(request));
      if (told.start) await start(told.start);
      delete told.start;
      Object.assign(state, told);
      response.end("{}");
    } else if (request.url === "/favicon.ico") {
      response.writeHead(204).end();
    } else if (state.down) {
      request.socket.destroy();
    } else if (request.url.startsWith("/interaction/")) {
      await interact(request, response);
    } else {
      provider.callback()(request, response);
    }
  } catch (reason) {
    console.error(reason);
    response.statusCode = 500;
    response.end();
  }
});
server.listen(0, "127.0.0.1", () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ issuer }));
});
process.stdin.on("end", () => process.exit(0)).resume();
