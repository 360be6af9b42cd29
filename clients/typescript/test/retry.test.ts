import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionError, ProblemError } from "../src/index.js";
import { problem, stub } from "./stub.js";

const order = { body: { items: [{ productId: "0199c0de-0000-7000-8000-000000000001", quantity: 1 }] } };

test("a POST has the same Idempotency-Key in all attempts, and another one in the next call", async () => {
  const { calls, open } = await stub((_, n) => (n === 1 ? "reset" : n === 2 ? problem(502, "bad_gateway") : { status: 201, body: {} }));
  const shop = open();
  await shop.POST("/v1/orders", order);
  await shop.POST("/v1/orders", order);
  const keys = calls.map((call) => call.headers["idempotency-key"]);
  assert.equal(calls.length, 4);
  assert.match(keys[0] as string, /^[0-9a-f-]{36}$/);
  assert.deepEqual(keys.slice(0, 3), [keys[0], keys[0], keys[0]]);
  assert.notEqual(keys[3], keys[0]);
  assert.deepEqual(new Set(calls.map((call) => call.body)), new Set([JSON.stringify(order.body)]));
});

test("a key of the caller is sent, and operations that take none get none", async () => {
  const { calls, open } = await stub(() => ({ status: 201, body: {} }));
  await open().POST("/v1/orders", { ...order, params: { header: { "Idempotency-Key": "mine" } } });
  await open().POST("/v1/checkouts", order);
  assert.deepEqual(calls.map((call) => call.headers["idempotency-key"]), ["mine", undefined]);
});

test("what may have had an effect is not repeated without a key", async () => {
  for (const reply of ["reset", problem(502, "bad_gateway"), problem(503, "unavailable")] as const) {
    const { calls, open } = await stub(() => reply);
    await assert.rejects(open().POST("/v1/checkouts", order), reply === "reset" ? ConnectionError : ProblemError);
    await assert.rejects(open().PATCH("/v1/users/me", { body: { name: "A" } }));
    const ofOrder = { path: { id: "0199c0de-0000-7000-8000-000000000001" }, header: { "If-Match": '"1"' } };
    await assert.rejects(open().PUT("/v1/orders/{id}/tags", { params: ofOrder, body: { tags: ["gift"] } }));
    assert.equal(calls.length, 3);
  }
});

test("what was refused is repeated, whatever it is", async () => {
  for (const reply of [problem(429, "too_many_requests", { "Retry-After": "0" }), problem(503, "overloaded", { "Retry-After": "0" })]) {
    const { calls, open } = await stub((_, n) => (n < 3 ? reply : { status: 201, body: {} }));
    await open().POST("/v1/checkouts", order);
    assert.equal(calls.length, 3);
  }
});

test("a request that is in progress is repeated with its key", async () => {
  const { calls, open } = await stub((_, n) => (n < 2 ? problem(409, "idempotency_in_flight", { "Retry-After": "0" }) : { status: 201, body: {} }));
  await open().POST("/v1/orders", order);
  assert.equal(calls.length, 2);
});

test("attempts are bounded, and the error is that of the last one", async () => {
  const { calls, open } = await stub(() => problem(503, "overloaded", { "Retry-After": "0" }));
  await assert.rejects(open({ retry: { attempts: 3 } }).GET("/v1/products"), { status: 503, code: "overloaded", detail: "d", retryAfter: 0 });
  assert.equal(calls.length, 3);
});

test("a Retry-After beyond the time that is left is not waited for", async () => {
  const { calls, open } = await stub(() => problem(429, "too_many_requests", { "Retry-After": "3600" }));
  await assert.rejects(open().GET("/v1/products"), { status: 429, retryAfter: 3_600_000 });
  assert.equal(calls.length, 1);
});

test("Retry-After may be a date", async () => {
  const { open } = await stub(() => problem(429, "too_many_requests", { "Retry-After": new Date(Date.now() + 3_600_000).toUTCString() }));
  await assert.rejects(open().GET("/v1/products"), (error: ProblemError) => (error.retryAfter ?? 0) > 3_500_000);
});

test("an aborted request ends in a pause and in an attempt", async () => {
  for (const reply of [problem(429, "too_many_requests", { "Retry-After": "20" }), new Promise<never>(() => {})]) {
    const controller = new AbortController();
    const { calls, open } = await stub(() => {
      setImmediate(() => controller.abort(new Error("closed")));
      return reply;
    });
    await assert.rejects(open().GET("/v1/products", { signal: controller.signal }), { message: "closed" });
    assert.equal(calls.length, 1);
  }
});

test("an attempt without a response is given up and repeated", async () => {
  const { calls, open } = await stub((_, n) => (n === 1 ? new Promise<never>(() => {}) : { status: 200, body: { items: [] } }));
  await open({ retry: { timeout: 100 } }).GET("/v1/products");
  assert.equal(calls.length, 2);
});

test("errors of the input and responses of proxies are typed", async () => {
  const errors = [{ location: "body.items[0].quantity", code: "out_of_range", message: "must be 1 or more" }];
  const { open } = await stub((_, n) =>
    n === 1 ? { status: 400, body: { title: "t", status: 400, code: "invalid_request", errors, traceId: "ab" } } : { status: 403, headers: { "Content-Type": "text/html" }, body: "<p>" },
  );
  await assert.rejects(open().POST("/v1/orders", order), (error) => {
    assert(error instanceof ProblemError);
    assert.equal(error.traceId, "ab");
    assert.equal(error.field("body.items")?.code, "out_of_range");
    assert.equal(error.field("body.item"), undefined);
    return true;
  });
  await assert.rejects(open().GET("/v1/products"), { status: 403, code: "http_403" });
});
