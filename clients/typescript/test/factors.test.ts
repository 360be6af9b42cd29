import assert from "node:assert/strict";
import { test } from "node:test";
import { confirmAuthenticatorApp, hasPasskeys, memoryStore, registerPasskey, removeFactor, SecondFactorError, signInWithPasskey, type Client } from "../src/index.js";
import { installAuthenticator } from "./authenticator.js";
import { problem, stub, type Call, type Reply } from "./stub.js";

const credentials = { email: "amira@example.com", password: "seven green lanterns" };
const challenge = "Vb5vP0hQk2m8cU1sXn3rT6wY9zA4dF7gJ0lKqEiOuMs";
const recoveryCodes = ["7k3m-9xq2-dh4w-0b8t"];

/** shopWithFactors responds like a shop whose accounts have a second factor, and counts the tokens that it issues. */
function shopWithFactors(enrolment?: "enrolment_required") {
  let issued = 0;
  return (call: Call): Reply => {
    switch (call.path) {
      case "/v1/sessions":
        if (!enrolment) return { status: 401, headers: { "Content-Type": "application/problem+json" }, body: { title: "t", status: 401, code: "second_factor_required", detail: "d", challenge } };
      // fallthrough
      case "/v1/sessions/confirm":
      case "/v1/sessions/refresh":
        issued++;
        return { status: 201, body: { accessToken: `a${issued}`, refreshToken: `r${issued}`, expiresIn: 900, tokenType: "Bearer", ...(enrolment && issued === 1 && { secondFactor: enrolment }) } };
      case "/v1/passkeys/challenges": {
        const { purpose } = JSON.parse(call.body) as { purpose: string };
        const options = purpose === "registration"
          ? { challenge: "AQID", rp: { id: "localhost", name: "Souk" }, user: { id: "-_8", name: "a", displayName: "A" }, pubKeyCredParams: [{ type: "public-key", alg: -7 }], excludeCredentials: [{ type: "public-key", id: "AAAA" }] }
          : { challenge: "AQID", rpId: "localhost" };
        return { status: 201, body: { challenge, options } };
      }
      case "/v1/users/me/passkeys":
      case "/v1/users/me/totp/confirm":
        return { status: 201, body: { recoveryCodes } };
      default:
        return call.method === "DELETE" ? { status: 204 } : problem(401, "recent_login_required", { "WWW-Authenticate": 'Bearer error="insufficient_user_authentication", max_age="300"' });
    }
  };
}

const steps = (calls: Call[]) => calls.map((call) => `${call.method} ${call.path} ${call.headers.authorization ?? "-"}`);

test("a password that does not suffice is an error with the challenge, which a code completes", async () => {
  const { calls, open } = await stub(shopWithFactors());
  const shop = open();
  const error = await shop.signIn(credentials).catch((e: unknown) => e);
  assert.ok(error instanceof SecondFactorError);
  assert.deepEqual([error.status, error.code, error.challenge, shop.tokens], [401, "second_factor_required", challenge, undefined]);
  await shop.confirmSignIn({ challenge: error.challenge, code: "287082" });
  assert.equal(shop.tokens?.accessToken, "a1");
  assert.deepEqual(JSON.parse(calls[1]!.body), { challenge, code: "287082" });
});

test("a session that must enrol says so until its account has a second factor", async () => {
  const { calls, open } = await stub(shopWithFactors("enrolment_required"));
  const tokens = memoryStore();
  const shop = open({ tokens });
  assert.equal((await shop.signIn(credentials)).secondFactor, "enrolment_required");
  assert.deepEqual(await confirmAuthenticatorApp(shop, "287082"), recoveryCodes);
  assert.equal(shop.tokens?.secondFactor, undefined);
  await removeFactor(shop, "1");
  assert.deepEqual(steps(calls), [
    "POST /v1/sessions -", "POST /v1/users/me/totp/confirm Bearer a1", "POST /v1/sessions/refresh -",
    "DELETE /v1/users/me/second-factor/1 Bearer a2", "POST /v1/sessions/refresh -",
  ]);
});

test("a request that needs a new sign-in does not refresh the session", async () => {
  const { calls, open } = await stub(shopWithFactors("enrolment_required"));
  const shop = open();
  await shop.signIn(credentials);
  await assert.rejects(shop.POST("/v1/users/me/recovery-codes"), { code: "recent_login_required" });
  assert.equal(calls.length, 2);
  assert.equal(shop.tokens?.accessToken, "a1");
});

test("a client without a session refreshes nothing", async () => {
  const { calls, open } = await stub(shopWithFactors());
  assert.equal(await open().refresh(), undefined);
  assert.equal(calls.length, 0);
});

test("a passkey is registered and signs in", async () => {
  assert.equal(hasPasskeys(), false);
  installAuthenticator("http://localhost:3000");
  assert.equal(hasPasskeys(), true);
  const { calls, open } = await stub(shopWithFactors());
  const shop = open();
  await assert.rejects(signInWithPasskey(shop), { name: "NotAllowedError" });
  assert.deepEqual((await registerPasskey(shop, "Laptop")).recoveryCodes, recoveryCodes);
  await signInWithPasskey(shop);
  const sent = JSON.parse(calls.at(-1)!.body) as { challenge: string; passkey: string };
  const passkey = JSON.parse(sent.passkey) as { id: string; rawId: string; response: { userHandle: string; clientDataJSON: string } };
  assert.equal(sent.challenge, challenge);
  assert.equal(passkey.id, passkey.rawId);
  assert.equal(passkey.response.userHandle, "-_8");
  assert.equal((JSON.parse(Buffer.from(passkey.response.clientDataJSON, "base64url").toString()) as { challenge: string }).challenge, "AQID");
});

test("recovery codes are returned although the refresh fails, and the next request refreshes", async () => {
  installAuthenticator("http://localhost:3000");
  const changes = {
    confirmAuthenticatorApp: (shop: Client) => confirmAuthenticatorApp(shop, "287082"),
    registerPasskey: async (shop: Client) => (await registerPasskey(shop, "Laptop")).recoveryCodes,
    removeFactor: async (shop: Client) => (await removeFactor(shop, "1"), recoveryCodes),
  };
  for (const [name, change] of Object.entries(changes)) {
    const respond = shopWithFactors("enrolment_required");
    let available = false;
    const { calls, open } = await stub((call) => {
      if (call.path === "/v1/sessions/refresh" && !available) return problem(503, "unavailable");
      if (call.path === "/v1/users/me") return call.headers.authorization === "Bearer a2" ? { status: 200, body: {} } : problem(401, "unauthenticated");
      return respond(call);
    });
    const shop = open({ retry: { maxTime: 50 } });
    await shop.signIn(credentials);
    assert.deepEqual(await change(shop), recoveryCodes, name);
    assert.ok(calls.some((call) => call.path === "/v1/sessions/refresh"), name);
    assert.equal(shop.tokens?.accessToken, "a1", name);
    available = true;
    await shop.GET("/v1/users/me");
    assert.equal(shop.tokens?.accessToken, "a2", name);
  }
});
