import type { components } from "./generated/schema.js";
import { randomUUID } from "./key.js";
import { ProblemError, readProblem } from "./problem.js";
import type { Send } from "./retry.js";

/** Tokens are the tokens of a session. */
export interface Tokens {
  /** The same for all tokens of one login. */
  session: string;
  accessToken: string;
  refreshToken: string;
  /** The time in milliseconds at which the access token expires. */
  expiresAt: number;
  /** Present if the account must add a second factor: until then the session has the rights of a customer. */
  secondFactor?: "enrolment_required";
}

/** TokenStore stores the tokens of a session. Tabs of a browser may share one. */
export interface TokenStore {
  get(): Tokens | undefined;
  /** set stores tokens; undefined deletes them. */
  set(tokens: Tokens | undefined): void;
}

/** memoryStore returns a store for one page or process. A script of another origin cannot read it. */
export function memoryStore(): TokenStore {
  let stored: Tokens | undefined;
  return { get: () => stored, set: (tokens) => void (stored = tokens) };
}

/**
 * webStore returns a store that outlives the page: sessionStorage for one tab, localStorage for all tabs. Every script
 * of the page can read it: use a Content-Security-Policy that permits your scripts only.
 */
export function webStore(storage: Storage, key = "souk.tokens"): TokenStore {
  return {
    get() {
      try {
        const stored: unknown = JSON.parse(storage.getItem(key) ?? "null");
        return isTokens(stored) ? stored : undefined;
      } catch {
        return undefined; // it was written by another program
      }
    },
    set: (tokens) => (tokens ? storage.setItem(key, JSON.stringify(tokens)) : storage.removeItem(key)),
  };
}

function isTokens(value: unknown): value is Tokens {
  const tokens = value as Tokens | null;
  return (
    typeof tokens?.expiresAt === "number" &&
    [tokens.session, tokens.accessToken, tokens.refreshToken].every((value) => typeof value === "string")
  );
}

/** leeway is the time in milliseconds before its expiry at which an access token is refreshed. */
const leeway = 30_000;

/**
 * Session adds the access token to requests, and refreshes it before it expires or when the shop revokes it. Requests
 * that need a new token at the same time share one refresh, in all tabs of a browser (Web Locks).
 *
 * A spent refresh token is accepted again for 30 seconds, the reuse interval. A refresh whose response is lost is
 * repeated in that time only, since a later use would end the session.
 */
export class Session {
  #refreshing: Promise<Tokens | undefined> | undefined;

  constructor(
    private readonly url: string,
    private readonly send: Send,
    private readonly store: TokenStore,
    private readonly onEnd: () => void = () => {},
  ) {}

  get tokens(): Tokens | undefined {
    return this.store.get();
  }

  /** begin stores the tokens of a response: those of a new session, or of one that was refreshed. */
  begin(issued: components["schemas"]["Tokens"], session: string = randomUUID()): Tokens {
    const { accessToken, refreshToken, expiresIn, secondFactor } = issued;
    const tokens: Tokens = { session, accessToken, refreshToken, expiresAt: Date.now() + expiresIn * 1000, ...(secondFactor && { secondFactor }) };
    this.store.set(tokens);
    return tokens;
  }

  end(): void {
    this.store.set(undefined);
  }

  /** authorize sends a request with the access token, and once more with a new one after a 401. */
  async authorize(request: Request, next: Send): Promise<Response> {
    let tokens = this.store.get();
    if (tokens && tokens.expiresAt - leeway < Date.now()) tokens = await this.refresh(tokens);
    if (!tokens) return next(request);
    const response = await next(withToken(request, tokens.accessToken));
    if (response.status !== 401 || needsLogin(response)) return response;
    const renewed = await this.refresh(tokens);
    if (!renewed) return response;
    await response.body?.cancel();
    return next(withToken(request, renewed.accessToken));
  }

  /** refresh returns other tokens than those of before: undefined if the session has ended. */
  async refresh(before: Tokens): Promise<Tokens | undefined> {
    this.#refreshing ??= this.#exclusively(() => this.#refresh(before)).finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh(before: Tokens): Promise<Tokens | undefined> {
    const stored = this.store.get();
    // Another request or tab has refreshed it, or signed out.
    if (stored?.accessToken !== before.accessToken) return stored;
    const response = await this.send(
      new Request(`${this.url}/v1/sessions/refresh`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ refreshToken: before.refreshToken }),
      }),
    );
    if (response.ok) {
      const issued = (await response.json()) as components["schemas"]["Tokens"];
      // The customer may have signed out meanwhile.
      return this.store.get()?.refreshToken === before.refreshToken ? this.begin(issued, before.session) : this.store.get();
    }
    const problem = await readProblem(response);
    if (problem.code !== "invalid_refresh_token") throw problem;
    if (this.store.get()?.refreshToken === before.refreshToken) {
      this.end();
      this.onEnd();
    }
    return this.store.get();
  }

  #exclusively<T>(run: () => Promise<T>): Promise<T> {
    const locks = globalThis.navigator?.locks;
    return locks ? (locks.request(`souk ${this.url}`, run) as Promise<T>) : run();
  }
}

/** needsLogin reports whether a response asks for a new sign-in (RFC 9470, section 3), which no refresh replaces. */
function needsLogin(response: Response): boolean {
  return response.headers.get("WWW-Authenticate")?.includes("insufficient_user_authentication") === true;
}

/** withToken returns a copy of a request with a bearer token. */
export function withToken(request: Request, token: string): Request {
  const copy = new Request(request.clone());
  copy.headers.set("Authorization", `Bearer ${token}`);
  return copy;
}

/** isSignedOut reports whether an error is a 401: the customer has to sign in. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 401;
}
