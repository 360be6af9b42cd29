import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { createClient, type Client, type ClientOptions } from "../src/index.js";

export interface Call {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

/** Reply is a response, or "reset" for a connection that ends without one. */
export type Reply = "reset" | { status: number; headers?: Record<string, string>; body?: unknown };

/** stub starts a server for the tests of a file. It records calls and responds by a function. */
export async function stub(respond: (call: Call, number: number) => Reply | Promise<Reply>) {
  const calls: Call[] = [];
  const server = createServer((request, response) => void serve(request, response));
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const call = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
    calls.push(call);
    const reply = await respond(call, calls.length);
    if (reply === "reset") {
      request.socket.destroy();
      return;
    }
    const type = reply.status < 400 ? "application/json" : "application/problem+json";
    response.writeHead(reply.status, { "Content-Type": type, ...reply.headers });
    response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => void server.close().closeAllConnections());
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const open = (options?: Partial<ClientOptions>): Client => createClient({ baseUrl, ...options, retry: { pause: 1, ...options?.retry } });
  return { calls, baseUrl, open };
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Reply {
  return { status, headers, body: { title: "t", status, code, detail: "d" } };
}
