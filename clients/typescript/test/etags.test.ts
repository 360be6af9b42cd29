import assert from "node:assert/strict";
import { test } from "node:test";
import { items, memoryStore, poll, PreconditionFailedError } from "../src/index.js";
import { problem, stub, type Call, type Reply } from "./stub.js";

/** account responds like the resource /v1/users/me, whose version others can change. */
function account() {
  const state = { version: 1 };
  return {
    state,
    respond(call: Call): Reply {
      const etag = `"${state.version}"`;
      const headers = { ETag: etag };
      if (call.method === "GET") {
        return call.headers["if-none-match"] === etag ? { status: 304, headers } : { status: 200, headers, body: { version: state.version } };
      }
      if (!call.headers["if-match"]) return problem(428, "precondition_required");
      if (call.headers["if-match"] !== etag) return problem(412, "precondition_failed");
      return { status: 200, headers: { ETag: `"${++state.version}"` }, body: { version: state.version } };
    },
  };
}

test("an unchanged resource is not sent again, and looks the same", async () => {
  const { respond } = account();
  const { calls, open } = await stub(respond);
  const shop = open();
  const first = await shop.GET("/v1/users/me");
  const second = await shop.GET("/v1/users/me");
  assert.deepEqual(calls.map((call) => call.headers["if-none-match"]), [undefined, '"1"']);
  assert.deepEqual(second.data, first.data);
  assert.equal(second.response.status, 200);
});

test("changes have the version that was read or written last", async () => {
  const { respond } = account();
  const { calls, open } = await stub(respond);
  const shop = open();
  await assert.rejects(shop.PATCH("/v1/users/me", { body: { name: "A" } }), { status: 428 });
  await shop.GET("/v1/users/me");
  await shop.PATCH("/v1/users/me", { body: { name: "A" } });
  await shop.PATCH("/v1/users/me", { body: { name: "B" } });
  assert.deepEqual(calls.map((call) => call.headers["if-match"]), [undefined, undefined, '"1"', '"2"']);
});

test("a change by others is an error of its own, and needs a new read", async () => {
  const { state, respond } = account();
  const { open } = await stub(respond);
  const shop = open();
  await shop.GET("/v1/users/me");
  state.version = 7;
  await assert.rejects(shop.PATCH("/v1/users/me", { body: { name: "A" } }), PreconditionFailedError);
  await assert.rejects(shop.PATCH("/v1/users/me", { body: { name: "A" } }), { status: 428 });
  await shop.GET("/v1/users/me");
  await shop.PATCH("/v1/users/me", { body: { name: "A" } });
});

test("a version that the caller sends is not replaced", async () => {
  const { respond } = account();
  const { calls, open } = await stub(respond);
  const shop = open();
  await shop.GET("/v1/users/me");
  await assert.rejects(shop.PATCH("/v1/users/me", { body: { name: "A" }, params: { header: { "If-Match": '"0"' } } }), { status: 412 });
  assert.equal(calls[1]?.headers["if-match"], '"0"');
});

test("nothing is remembered for the next account", async () => {
  const { respond } = account();
  const { calls, open } = await stub(respond);
  const tokens = memoryStore();
  const shop = open({ tokens });
  for (const session of ["one", "one", "two"]) {
    tokens.set({ session, accessToken: "a", refreshToken: "r", expiresAt: Date.now() + 900_000 });
    await shop.GET("/v1/users/me");
  }
  assert.deepEqual(calls.map((call) => call.headers["if-none-match"]), [undefined, '"1"', undefined]);
});

test("a created resource can be changed without a read", async () => {
  const { calls, open } = await stub((call) =>
    call.method === "POST" ? { status: 201, headers: { ETag: '"1"', Location: "/v1/checkouts/7" }, body: {} } : { status: 200, headers: { ETag: '"2"' }, body: {} },
  );
  const shop = open();
  await shop.POST("/v1/checkouts", { body: { items: [] } });
  await shop.PATCH("/v1/checkouts/{id}", { params: { path: { id: "7" } }, body: { email: "a@example.com" } });
  assert.equal(calls[1]?.headers["if-match"], '"1"');
});

test("items reads page after page, with the filters", async () => {
  const { calls, open } = await stub((call) => {
    const token = new URL(call.path, "http://x").searchParams.get("pageToken");
    return { status: 200, body: token === "b" ? { items: [{ name: "3" }] } : { items: [{ name: token ?? "1" }], nextPageToken: token ? "b" : "a" } };
  });
  const names = [];
  for await (const product of items(open(), "/v1/products", { params: { query: { q: "tea" } } })) names.push(product.name);
  assert.deepEqual(names, ["1", "a", "3"]);
  assert(calls.every((call) => call.path.includes("q=tea")));
});

test("poll waits for a resource to exist and to be as wanted", async () => {
  const { open } = await stub((_, n) => (n === 1 ? problem(404, "payment_not_found") : { status: 200, body: { status: n < 3 ? "requested" : "authorized" } }));
  const shop = open();
  const read = () => shop.GET("/v1/orders/{id}/payment", { params: { path: { id: "7" } } });
  const payment = await poll(read, (p) => p.status === "authorized", { notYet: ["payment_not_found"] });
  assert.equal(payment?.status, "authorized");
  assert.equal((await poll(read, () => false, { maxWait: 0 }))?.status, "authorized");
});
