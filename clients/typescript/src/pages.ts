import type { PathsWithMethod } from "openapi-typescript-helpers";
import type { Client, Init, InitParam } from "./client.js";
import type { paths } from "./generated/schema.js";
import { ProblemError } from "./problem.js";
import { sleep } from "./retry.js";

type GetPath = PathsWithMethod<paths, "get">;
type GetData<Path extends GetPath> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer D } } } };
}
  ? D
  : never;

/** ListPath is the path of an operation that returns pages. */
export type ListPath = { [P in GetPath]: GetData<P> extends { items: unknown[] | null } ? P : never }[GetPath];

/** Item is an item of a list. */
export type Item<Path extends ListPath> = GetData<Path> extends { items: (infer I)[] | null } ? I : never;

interface Query {
  params?: { query?: object };
  signal?: AbortSignal;
}

/** items returns all items of a list, page by page as they are read: `for await (const order of items(shop, "/v1/orders"))`. */
export async function* items<Path extends ListPath>(
  client: Client,
  path: Path,
  ...[init]: InitParam<Init<Path, "get", "json">>
): AsyncGenerator<Item<Path>, void, undefined> {
  const get = client.GET as unknown as (path: string, init: Query) => Promise<{ data: { items: Item<Path>[] | null; nextPageToken?: string } }>;
  const query = init as Query | undefined;
  for (let pageToken: string | undefined; ; ) {
    const { data } = await get(path, {
      ...query,
      params: { ...query?.params, query: { ...query?.params?.query, ...(pageToken && { pageToken }) } },
    });
    yield* data.items ?? [];
    pageToken = data.nextPageToken;
    if (!pageToken) return;
  }
}

export interface PollOptions {
  /** The milliseconds after which the last value is returned, as it is. The default is 60,000. */
  maxWait?: number;
  /** Codes of 404 that mean that the resource does not exist yet, such as payment_not_found. */
  notYet?: readonly string[];
  signal?: AbortSignal;
}

/** The first and the longest pause between two reads, in milliseconds. */
const firstPause = 200;
const longestPause = 2000;

/**
 * poll calls read until its value is as wanted, and returns the last value: undefined if there was none in time. Pauses
 * become longer; the client's ETags make reads without a change small.
 */
export async function poll<T>(
  read: () => Promise<{ data: T }>,
  isDone: (value: T) => boolean,
  { maxWait = 60_000, notYet = [], signal }: PollOptions = {},
): Promise<T | undefined> {
  const end = Date.now() + maxWait;
  let value: T | undefined;
  for (let pause = firstPause; ; pause = Math.min(longestPause, pause * 1.5)) {
    try {
      value = (await read()).data;
      if (isDone(value)) return value;
    } catch (error) {
      if (!(error instanceof ProblemError && error.status === 404 && notYet.includes(error.code))) throw error;
    }
    if (Date.now() + pause > end) return value;
    await sleep(pause, signal);
  }
}
