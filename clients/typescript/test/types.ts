// What the compiler accepts and refuses. It is compiled, not run.
import { createClient, items, type components } from "../src/index.js";

const shop = createClient({ baseUrl: "http://127.0.0.1" });

export async function typesOfOperations(): Promise<void> {
  const { data } = await shop.GET("/v1/products", { params: { query: { q: "tea" } } });
  data.items.at(0)?.name satisfies string | undefined;
  // @ts-expect-error There is no such parameter.
  await shop.GET("/v1/products", { params: { query: { words: "tea" } } });
  // @ts-expect-error There is no such operation.
  await shop.POST("/v1/products/{id}", { params: { path: { id: "1" } } });

  // The client adds Idempotency-Key and If-Match, so that they are optional.
  await shop.POST("/v1/orders", { body: { items: [{ productId: "1", quantity: 1 }] } });
  await shop.PATCH("/v1/users/me", { body: { name: "Amira" } });
  // @ts-expect-error There is no such field.
  await shop.PATCH("/v1/users/me", { body: { nickname: "Amira" } });
  // @ts-expect-error The body is required.
  await shop.POST("/v1/checkouts", {});

  const { data: file } = await shop.GET("/v1/invoices/{id}", {
    params: { path: { id: "1" } }, parseAs: "blob", headers: { Accept: "application/pdf" },
  });
  file satisfies Blob;
  for await (const order of items(shop, "/v1/orders")) order satisfies components["schemas"]["Order"];
  // @ts-expect-error It is not a list.
  for await (const user of items(shop, "/v1/users/me")) user;
}
