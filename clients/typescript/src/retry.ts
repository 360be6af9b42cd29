import { ConnectionError, retryAfter } from "./problem.js";

export interface RetryOptions {
  /** How often a request is sent at most. The default is 4; 1 is no retry. */
  attempts?: number;
  /** The milliseconds from the first attempt in which another one may begin. The default is 30,000. */
  maxTime?: number;
  /** The milliseconds after which an attempt without a response is given up. The default is 30,000. */
  timeout?: number;
  /** The mean of the first pause in milliseconds; each one after it is twice as long. The default is 200. */
  pause?: number;
}

/** maxPause bounds the pauses in milliseconds that the client chooses. */
const maxPause = 5000;

const retryDefaults: Required<RetryOptions> = { attempts: 4, maxTime: 30_000, timeout: 30_000, pause: 200 };

export type Send = (request: Request) => Promise<Response>;

/**
 * withRetries returns a function that sends requests again which had no effect, or may be repeated:
 *
 * - after 429 and 503 `overloaded`, which were refused before they had an effect: every request;
 * - after a lost connection, a timeout, 500, 502, 503 and 504: a request that is safe or idempotent by its method, or
 *   has an Idempotency-Key. A PATCH is not repeated, nor a PUT with If-Match, which would not match its own effect;
 * - after 409 `idempotency_in_flight`: the first attempt is still in progress.
 */
export function withRetries(send: Send, options: RetryOptions = {}, isRepeatable = isRepeatableByDefault): Send {
  const settings = { ...retryDefaults, ...options };
  return async (request) => {
    const end = Date.now() + settings.maxTime;
    for (let attempt = 1; ; attempt++) {
      let response: Response | undefined;
      let failure: unknown;
      try {
        response = await sendWithin(settings.timeout, request, send);
        if (attempt >= settings.attempts || !(await isRetryable(response, isRepeatable(request)))) return response;
      } catch (error) {
        request.signal.throwIfAborted();
        if (!isRepeatable(request) || attempt >= settings.attempts) throw new ConnectionError(request, attempt, error);
        failure = error;
      }
      const pause = (response && retryAfter(response)) ?? backoff(settings.pause, attempt);
      if (Date.now() + pause > end) {
        if (response) return response;
        throw new ConnectionError(request, attempt, failure);
      }
      await response?.body?.cancel();
      await sleep(pause, request.signal);
    }
  };
}

/** sendWithin sends a copy of a request, whose body can be sent once, and waits for a response, but not for its body. */
async function sendWithin(timeout: number, request: Request, send: Send): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException(`no response in ${timeout} ms`, "TimeoutError")), timeout);
  try {
    return await send(new Request(request.clone(), { signal: AbortSignal.any([request.signal, late.signal]) }));
  } finally {
    clearTimeout(timer);
  }
}

function isRepeatableByDefault(request: Request): boolean {
  return (
    ["GET", "HEAD", "OPTIONS", "DELETE"].includes(request.method) ||
    (request.method === "PUT" && !request.headers.has("If-Match")) ||
    request.headers.has("Idempotency-Key")
  );
}

async function isRetryable(response: Response, isRepeatable: boolean): Promise<boolean> {
  switch (response.status) {
    case 429:
      return true;
    case 409:
      return isRepeatable && (await hasCode(response, "idempotency_in_flight"));
    case 503:
      return isRepeatable || (await hasCode(response, "overloaded"));
    case 500:
    case 502:
    case 504:
      return isRepeatable;
  }
  return false;
}

async function hasCode(response: Response, code: string): Promise<boolean> {
  const body: unknown = await response.clone().json().catch(() => undefined); // a response of a proxy
  return typeof body === "object" && body !== null && "code" in body && body.code === code;
}

/** backoff returns a pause between half and one and a half of its mean, so that clients do not return together. */
export function backoff(first: number, attempt: number): number {
  return Math.min(maxPause, first * 2 ** (attempt - 1)) * (0.5 + Math.random());
}

/** sleep waits, or throws the reason of a signal that is aborted before. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
