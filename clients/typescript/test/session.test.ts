import assert from "node:assert/strict";
import { test } from "node:test";
import { isSignedOut, memoryStore, webStore, type Tokens, type TokenStore } from "../src/index.js";
import { problem, stub, type Call, type Reply } from "./stub.js";

/** shopWithTokens responds like a shop whose access tokens are a1, a2, …, of which only the newest is valid. */
function shopWithTokens(lose: (call: Call, issued: number) => boolean = () => false) {
  let issued = 0;
  return (call: Call): Reply => {
    if (call.path === "/v1/sessions" || call.path === "/v1/sessions/refresh") {
      issued++;
      if (lose(call, issued)) return "reset";
      return { status: 201, body: { accessToken: `a${issued}`, refreshToken: `r${issued}`, expiresIn: 900, tokenType: "Bearer" } };
    }
    if (call.headers.authorization && call.headers.authorization !== `Bearer a${issued}`) return problem(401, "token_revoked");
    return { status: 200, body: { items: [] } };
  };
}

const credentials = { email: "amira@example.com", password: "seven green lanterns" };
const refreshes = (calls: Call[]) => calls.filter((call) => call.path === "/v1/sessions/refresh");

function expire(store: TokenStore, by: Partial<Tokens>): void {
  store.set({ ...store.get()!, ...by });
}

test("only operations that know their caller get the token", async () => {
  const { calls, open } = await stub(shopWithTokens());
  const shop = open();
  await shop.signIn(credentials);
  await shop.GET("/v1/products");
  await shop.GET("/v1/orders");
  await assert.rejects(shop.withToken("souk_checkout_1").GET("/v1/orders"), { status: 401 });
  assert.deepEqual(calls.slice(1).map((call) => call.headers.authorization), [undefined, "Bearer a1", "Bearer souk_checkout_1"]);
});

test("requests share one refresh, before the token expires and after it was revoked", async () => {
  for (const by of [{ expiresAt: Date.now() + 1000 }, { accessToken: "revoked" }]) {
    const { calls, open } = await stub(shopWithTokens());
    const tokens = memoryStore();
    const shop = open({ tokens });
    await shop.signIn(credentials);
    const session = tokens.get()?.session;
    expire(tokens, by);
    await Promise.all(Array.from({ length: 20 }, () => shop.GET("/v1/orders")));
    assert.deepEqual(refreshes(calls).map((call) => call.body), ['{"refreshToken":"r1"}']);
    assert.equal(tokens.get()?.accessToken, "a2");
    assert.equal(tokens.get()?.session, session);
  }
});

test("a refresh whose response was lost is repeated with the same token", async () => {
  const { calls, open } = await stub(shopWithTokens((_, issued) => issued === 2));
  const tokens = memoryStore();
  const shop = open({ tokens });
  await shop.signIn(credentials);
  expire(tokens, { expiresAt: 0 });
  await shop.GET("/v1/orders");
  assert.deepEqual(refreshes(calls).map((call) => call.body), ['{"refreshToken":"r1"}', '{"refreshToken":"r1"}']);
});

test("tokens that another tab has refreshed are used", async () => {
  const { calls, open } = await stub(shopWithTokens());
  const tokens = memoryStore();
  const [first, second] = [open({ tokens }), open({ tokens })];
  await first.signIn(credentials);
  expire(tokens, { expiresAt: 0 });
  await first.GET("/v1/orders");
  await second.GET("/v1/orders");
  assert.equal(refreshes(calls).length, 1);
});

test("a session that has ended is removed and reported once", async () => {
  const { open } = await stub((call) => (call.path === "/v1/sessions/refresh" ? problem(401, "invalid_refresh_token") : problem(401, "token_revoked")));
  const tokens = memoryStore();
  tokens.set({ session: "s", accessToken: "a", refreshToken: "r", expiresAt: Date.now() + 900_000 });
  let ended = 0;
  const shop = open({ tokens, onSessionEnd: () => ended++ });
  const results = await Promise.allSettled([shop.GET("/v1/orders"), shop.GET("/v1/users/me")]);
  assert.deepEqual(results.map((r) => r.status === "rejected" && isSignedOut(r.reason)), [true, true]);
  assert.deepEqual([tokens.get(), ended], [undefined, 1]);
});

test("a refresh that fails for another reason leaves the session", async () => {
  const { open } = await stub((call) => (call.path === "/v1/sessions/refresh" ? problem(503, "overloaded") : problem(401, "token_revoked")));
  const tokens = memoryStore();
  tokens.set({ session: "s", accessToken: "a", refreshToken: "r", expiresAt: Date.now() + 900_000 });
  await assert.rejects(open({ tokens, retry: { attempts: 2 } }).GET("/v1/orders"), { status: 503 });
  assert.equal(tokens.get()?.refreshToken, "r");
});

test("signing out removes the tokens, even if the shop is not there", async () => {
  const { calls, open } = await stub((call) => (call.path === "/v1/sessions/current" ? "reset" : shopWithTokens()(call)));
  const shop = open({ retry: { attempts: 1 } });
  await shop.signIn(credentials);
  await shop.signOut();
  await shop.signOut();
  assert.deepEqual([shop.tokens, calls.length], [undefined, 2]);
});

test("a store of the browser ignores what others have written", () => {
  const values = new Map<string, string>();
  const storage = {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  } as unknown as Storage;
  const store = webStore(storage);
  const tokens = { session: "s", accessToken: "a", refreshToken: "r", expiresAt: 1 };
  store.set(tokens);
  assert.deepEqual(store.get(), tokens);
  for (const text of ["{", "null", '"x"', '{"accessToken": 1}']) {
    values.set("souk.tokens", text);
    assert.equal(store.get(), undefined);
  }
  store.set(undefined);
  assert.equal(values.size, 0);
});
