import type { OperationFacts } from "./generated/operations.js";
import type { Send } from "./retry.js";

/** maxResources is how many resources are remembered: the least recently used ones are forgotten. */
const maxResources = 200;

interface Remembered {
  etag: string;
  /** The response of a GET, to return for a 304. */
  body?: string;
  headers?: [string, string][];
}

/**
 * ETags remembers the versions of resources by their URLs. A GET is sent with If-None-Match: after a 304 the caller
 * gets the remembered response, as a 200. A change is sent with If-Match of the version that was read last, unless the
 * caller sets the header. After a 412 the version is forgotten, so that the next change needs a new read.
 */
export class ETags {
  readonly #resources = new Map<string, Remembered>();

  #session: string | undefined;

  /** send sends a request of a session. Nothing is remembered for another one. */
  async send(request: Request, facts: OperationFacts, session: string | undefined, next: Send): Promise<Response> {
    if (session !== this.#session) this.#resources.clear();
    this.#session = session;
    const isRead = request.method === "GET" && facts.etag === true;
    const key = isRead ? readKey(request) : undefined;
    const known = key ? this.#resources.get(key) : undefined;
    const isOurs = known?.body !== undefined && !request.headers.has("If-None-Match");
    if (isOurs) request.headers.set("If-None-Match", known.etag);
    if (facts.match && !request.headers.has("If-Match")) {
      const version = this.#resources.get(resource(request.url));
      if (version) request.headers.set("If-Match", version.etag);
    }
    const response = await next(request);
    if (isOurs && response.status === 304) {
      const headers = new Headers(known.headers);
      response.headers.forEach((value, name) => headers.set(name, value));
      return new Response(known.body ?? null, { status: 200, headers });
    }
    return session === this.#session ? this.#remember(request, response, key) : response;
  }

  async #remember(request: Request, response: Response, key: string | undefined): Promise<Response> {
    const url = response.status === 201 ? locate(request, response) : resource(request.url);
    const etag = response.headers.get("ETag");
    if (response.status === 412 || response.status === 404 || (response.ok && request.method === "DELETE")) {
      this.#forget(url);
    } else if (response.ok && etag && url) {
      this.#set(url, { etag });
      if (key) this.#set(key, { etag, body: await response.clone().text(), headers: [...response.headers] });
    }
    return response;
  }

  #forget(url: string | undefined): void {
    for (const key of this.#resources.keys()) if (key === url || key.endsWith(` ${url}`)) this.#resources.delete(key);
  }

  #set(key: string, value: Remembered): void {
    this.#resources.delete(key);
    this.#resources.set(key, value);
    const [oldest] = this.#resources.keys();
    if (this.#resources.size > maxResources && oldest !== undefined) this.#resources.delete(oldest);
  }
}

/** resource returns the URL of a resource. */
function resource(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** readKey identifies what a GET returns: a resource may have several representations. */
function readKey(request: Request): string {
  return `${request.headers.get("Accept") ?? "*/*"} ${new URL(request.url).search} ${resource(request.url)}`;
}

/** locate returns the URL of the resource that a response has created. */
function locate(request: Request, response: Response): string | undefined {
  const location = response.headers.get("Location");
  return location ? resource(new URL(location, request.url).href) : undefined;
}
