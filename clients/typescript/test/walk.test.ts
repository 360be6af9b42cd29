import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { installAuthenticator } from "./authenticator.js";

const skip = process.env.SOUK_URL ? false : "SOUK_URL is not set: start a shop and eval \"$(souk env)\"";

test("the page for storefronts works as it is written", { skip }, async () => {
  installAuthenticator(process.env.SOUK_URL!.replace("127.0.0.1", "localhost")); // an address has no passkeys
  const log = mock.method(console, "log", () => {});
  const { printed } = await import("../generated/walk.js");
  assert.deepEqual(log.mock.calls.map((call) => call.arguments.map(String).join(" ")), printed);
});
