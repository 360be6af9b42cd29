import createFetchClient, { type FetchResponse, type MaybeOptionalInit, type ParseAs } from "openapi-fetch";
import type { HttpMethod, MediaType, PathsWithMethod, RequiredKeysOf } from "openapi-typescript-helpers";
import { ETags } from "./etags.js";
import { operations, type OperationFacts } from "./generated/operations.js";
import type { components, paths } from "./generated/schema.js";
import { randomUUID } from "./key.js";
import { readProblem } from "./problem.js";
import { withRetries, type RetryOptions, type Send } from "./retry.js";
import { memoryStore, Session, withToken, type Tokens, type TokenStore } from "./session.js";

export interface ClientOptions {
  /** The shop's address, such as https://api.shop.example. */
  baseUrl: string;
  /** Where the tokens of a session are stored. The default is the memory. */
  tokens?: TokenStore;
  /** A token that is sent instead of a session's: that of a guest's checkout, or an API key. */
  token?: string;
  retry?: RetryOptions;
  /** Replaces fetch, for tests or to add headers. */
  fetch?: Send;
  /** Is called when the shop has ended the session: the customer has to sign in. */
  onSessionEnd?: () => void;
}

/** Result is a successful response. */
export interface Result<Data> {
  data: Data;
  response: Response;
}

/** Init is what a call sends. */
export type Init<Path extends keyof paths, M extends HttpMethod, Parse extends ParseAs> = MaybeOptionalInit<paths[Path], M> & {
  /** How the body is read: as JSON, unless another type is accepted. */
  parseAs?: Parse;
};

/** InitParam is the last argument of a call: it is optional if the operation requires nothing. */
export type InitParam<Init> = RequiredKeysOf<Init> extends never ? [Init?] : [Init];

type Data<Operation, Parse extends ParseAs> =
  Extract<FetchResponse<Operation & Record<string | number, any>, { parseAs: Parse }, MediaType>, { error?: never }> extends { data: infer D } ? D : never;

/** Method calls operations of an HTTP method. It throws ProblemError, ConnectionError or the reason of an abort. */
export type Method<M extends HttpMethod> = <Path extends PathsWithMethod<paths, M>, Parse extends ParseAs = "json">(
  path: Path,
  ...init: InitParam<Init<Path, M, Parse>>
) => Promise<Result<Data<paths[Path][M & keyof paths[Path]], Parse>>>;

/** Client calls a shop. */
export interface Client {
  GET: Method<"get">;
  POST: Method<"post">;
  PUT: Method<"put">;
  PATCH: Method<"patch">;
  DELETE: Method<"delete">;
  /** Signs in. All later requests are the account's. It throws SecondFactorError if the account has a second factor. */
  signIn(credentials: components["schemas"]["SessionCreateRequest"]): Promise<Tokens>;
  /** Completes a sign-in by a code of the authenticator app, a recovery code, or a passkey (signInWithPasskey). */
  confirmSignIn(confirmation: components["schemas"]["SessionConfirmRequest"]): Promise<Tokens>;
  /** Replaces the tokens of the session, whose rights have changed. They are undefined if it has ended. */
  refresh(): Promise<Tokens | undefined>;
  /** Signs out, also if the shop cannot be reached. */
  signOut(): Promise<void>;
  /** The tokens of the session, or undefined. */
  readonly tokens: Tokens | undefined;
  /** Returns a client of the same shop that sends a token, such as that of a guest's checkout. */
  withToken(token: string): Client;
}

/** createClient returns a client of a shop. */
export function createClient(options: ClientOptions): Client {
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const base: Send = options.fetch ?? ((request) => fetch(request));
  const retrying = withRetries(base, options.retry);
  const session = new Session(baseUrl, refreshSender(base, options.retry), options.tokens ?? memoryStore(), options.onSessionEnd);
  const etags = new ETags();
  const facts = new WeakMap<Request, OperationFacts>();
  const authorize: (request: Request) => Promise<Response> = options.token
    ? (request) => retrying(withToken(request, options.token!))
    : (request) => session.authorize(request, retrying);

  const api = createFetchClient<paths>({
    baseUrl,
    fetch(request) {
      const known = facts.get(request) ?? {};
      const send: Send = known.token && !request.headers.has("Authorization") ? authorize : retrying;
      return etags.send(request, known, session.tokens?.session, send);
    },
  });
  api.use({
    onRequest({ request, schemaPath }) {
      const known = operations[`${request.method} ${schemaPath}`] ?? {};
      if (known.key && !request.headers.has("Idempotency-Key")) request.headers.set("Idempotency-Key", randomUUID());
      facts.set(request, known);
    },
    async onResponse({ response }) {
      if (!response.ok && response.status !== 304) throw await readProblem(response);
      return undefined;
    },
  });
  const { GET, POST, PUT, PATCH, DELETE } = api as unknown as Pick<Client, "GET" | "POST" | "PUT" | "PATCH" | "DELETE">;
  return {
    GET, POST, PUT, PATCH, DELETE,
    async signIn(credentials) {
      const { data } = await POST("/v1/sessions", { body: credentials });
      return session.begin(data);
    },
    async confirmSignIn(confirmation) {
      const { data } = await POST("/v1/sessions/confirm", { body: confirmation });
      return session.begin(data);
    },
    async refresh() {
      return session.tokens && session.refresh(session.tokens);
    },
    async signOut() {
      if (!session.tokens) return;
      const response = await session.authorize(new Request(`${baseUrl}/v1/sessions/current`, { method: "DELETE" }), retrying).catch(() => undefined);
      await response?.body?.cancel();
      session.end();
    },
    get tokens() {
      return session.tokens;
    },
    withToken: (token) => createClient({ ...options, token }),
  };
}

/** refreshTime is the time in milliseconds in which a refresh is repeated: less than the reuse interval of 30 s. */
const refreshTime = 25_000;

/** refreshSender returns a function that repeats a refresh whose response was lost. */
function refreshSender(send: Send, retry: RetryOptions = {}): Send {
  const maxTime = Math.min(retry.maxTime ?? refreshTime, refreshTime);
  // An attempt that began in time must not end after the interval.
  return withRetries(send, { ...retry, maxTime: maxTime / 2, timeout: Math.min(retry.timeout ?? maxTime, maxTime / 2) }, () => true);
}
