// Serves the example on http://localhost:3000 (PORT), for the shop at SOUK_URL.
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { buildExample } from "./build-example.mjs";

const folder = fileURLToPath(new URL("../build/example-site", import.meta.url));
const shop = process.env.SOUK_URL ?? "http://127.0.0.1:8080";
const port = Number(process.env.PORT ?? 3000);
await buildExample(folder, shop);

// Every other path is a page of the application, which reads the address itself.
const files = { "/main.js": "text/javascript", "/main.js.map": "application/json", "/style.css": "text/css" };

createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const type = files[pathname];
  response.writeHead(200, { "Content-Type": `${type ?? "text/html"}; charset=utf-8`, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store" });
  createReadStream(folder + (type ? pathname : "/index.html")).pipe(response);
}).listen(port, "127.0.0.1", () => {
  const origin = `http://localhost:${port}`; // browsers have no passkeys for an address
  console.log(`${origin} sells what the shop at ${shop} has. Start that with:`);
  console.log(`CORS_ORIGINS=${origin} PAYMENT_RETURN_URL=${origin}/return USER_PAGES_URL=${origin} USER_PASSKEY_ORIGINS=${origin} make up`);
});
