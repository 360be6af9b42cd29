import assert from "node:assert/strict";
import { mock, test } from "node:test";

const skip = process.env.SOUK_URL ? false : "SOUK_URL is not set: start a shop and eval \"$(souk env)\"";

test("the page for storefronts works as it is written", { skip }, async () => {
  const log = mock.method(console, "log", () => {});
  const { printed } = await import("../generated/walk.js");
  assert.deepEqual(log.mock.calls.map((call) => call.arguments.map(String).join(" ")), printed);
});
