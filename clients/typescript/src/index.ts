export { createClient, type Client, type ClientOptions, type Method, type Result } from "./client.js";
export { items, poll, type Item, type ListPath, type PollOptions } from "./pages.js";
export { hasPasskeys, registerPasskey, signInWithPasskey } from "./passkeys.js";
export { ConnectionError, PreconditionFailedError, ProblemError, SecondFactorError, type FieldError } from "./problem.js";
export { type RetryOptions } from "./retry.js";
export { confirmAuthenticatorApp, removeFactor } from "./factors.js";
export { isSignedOut, memoryStore, webStore, type TokenStore, type Tokens } from "./session.js";
export type { ProblemCode } from "./generated/operations.js";
export type { components, operations, paths } from "./generated/schema.js";
