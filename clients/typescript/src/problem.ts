import type { components } from "./generated/schema.js";
import type { ProblemCode } from "./generated/operations.js";

export type FieldError = components["schemas"]["FieldError"];

/** problemType is the media type of an error response (RFC 9457, section 3). */
const problemType = "application/problem+json";

/** ProblemError is an error response of the shop. */
export class ProblemError extends Error {
  override readonly name: string = "ProblemError";
  readonly status: number;
  /** The error, for programs. A response of a proxy has the code http_STATUS. */
  readonly code: ProblemCode | (string & {});
  readonly detail: string;
  /** The errors of the input, at most the first 20. */
  readonly errors: readonly FieldError[];
  /** The resource as it is now, for a request that expected another state of it. */
  readonly current: unknown;
  /** Include it in support requests. */
  readonly traceId: string | undefined;
  /** The milliseconds after which the request may be sent again. */
  readonly retryAfter: number | undefined;

  constructor(response: Response, body: Partial<components["schemas"]["Problem"]>) {
    const code = body.code ?? `http_${response.status}`;
    super(`${response.status} ${code}: ${body.detail ?? response.statusText}`);
    this.status = response.status;
    this.code = code;
    this.detail = body.detail ?? response.statusText;
    this.errors = body.errors ?? [];
    this.current = body.current;
    this.traceId = body.traceId ?? response.headers.get("Trace-Id") ?? undefined;
    this.retryAfter = retryAfter(response);
  }

  /** field returns the error at a location such as body.email, or below it. */
  field(location: string): FieldError | undefined {
    return this.errors.find(
      (e) => e.location === location || e.location.startsWith(`${location}.`) || e.location.startsWith(`${location}[`),
    );
  }
}

/** PreconditionFailedError is a 412: the resource has changed since it was read. Read it again. */
export class PreconditionFailedError extends ProblemError {
  override readonly name = "PreconditionFailedError";
}

/** SecondFactorError is a sign-in whose password is right, and which needs a second factor: continue it by confirmSignIn. */
export class SecondFactorError extends ProblemError {
  override readonly name = "SecondFactorError";
  /** The token that continues the sign-in, within five minutes. */
  readonly challenge: string;

  constructor(response: Response, body: Partial<components["schemas"]["Problem"]> & { challenge: string }) {
    super(response, body);
    this.challenge = body.challenge;
  }
}

/** ConnectionError is a request without a response. If it was a change, it may have taken effect. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  constructor(
    request: Request,
    readonly attempts: number,
    cause: unknown,
  ) {
    super(`${request.method} ${new URL(request.url).pathname}: no response after ${attempts} attempts`, { cause });
  }
}

/** readProblem returns the error of a response, whose body it reads. */
export async function readProblem(response: Response): Promise<ProblemError> {
  let body: Partial<components["schemas"]["Problem"]> = {};
  if (response.headers.get("Content-Type")?.startsWith(problemType)) {
    const parsed: unknown = await response.json().catch(() => undefined); // an incomplete response
    if (typeof parsed === "object" && parsed !== null) body = parsed;
  }
  const { code, challenge } = body;
  if (code === "second_factor_required" && challenge) return new SecondFactorError(response, { ...body, challenge });
  return response.status === 412 ? new PreconditionFailedError(response, body) : new ProblemError(response, body);
}

/** retryAfter returns the time of Retry-After in milliseconds. It is in seconds or a date (RFC 9110, section 10.2.3). */
export function retryAfter(response: Response): number | undefined {
  const value = response.headers.get("Retry-After")?.trim();
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
