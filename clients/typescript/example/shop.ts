import { createClient, webStore, type Client, type components } from "../src/index.js";

export type Product = components["schemas"]["Product"];
export type Order = components["schemas"]["Order"];
export type Checkout = components["schemas"]["Checkout"];
export type Payment = components["schemas"]["Payment"];
type Money = components["schemas"]["Money"];

/** SOUK_URL is the shop's address. The build replaces it. */
declare const SOUK_URL: string;

/** shop is the client of the whole page. Tabs share its session. */
export const shop: Client = createClient({ baseUrl: SOUK_URL, tokens: webStore(localStorage) });

/** formatMoney formats an amount of minor units. */
export function formatMoney({ amount, currency }: Money): string {
  const format = new Intl.NumberFormat("en", { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** read returns a value of the storage, or a default for one that is missing or no JSON. */
function read<T>(storage: Storage, key: string, missing: T): T {
  try {
    return (JSON.parse(storage.getItem(key) ?? "null") as T | null) ?? missing;
  } catch {
    return missing;
  }
}

/** Quantities of products by their ids. */
export type Cart = Record<string, number>;

export const cart = {
  get: (): Cart => read<Cart>(localStorage, "cart", {}),
  set(content: Cart): void {
    localStorage.setItem("cart", JSON.stringify(Object.fromEntries(Object.entries(content).filter(([, quantity]) => quantity > 0))));
    forgetCheckout();
    showCount();
  },
  add(id: string, quantity: number): void {
    const content = cart.get();
    cart.set({ ...content, [id]: (content[id] ?? 0) + quantity });
  },
  items: () => Object.entries(cart.get()).map(([productId, quantity]) => ({ productId, quantity })),
};

export function showCount(): void {
  document.getElementById("count")!.textContent = String(cart.items().reduce((sum, item) => sum + item.quantity, 0));
}

/** StoredCheckout is the checkout of the cart, and the token of a guest for it. */
interface StoredCheckout {
  id: string;
  token?: string | undefined;
}

export function forgetCheckout(): void {
  localStorage.removeItem("checkout");
}

/** openCheckout returns the checkout of the cart, and a client that may use it. */
export async function openCheckout(): Promise<{ checkout: Checkout; client: Client; token: string | undefined }> {
  const stored = read<StoredCheckout | undefined>(localStorage, "checkout", undefined);
  if (stored && Boolean(stored.token) === !shop.tokens) {
    const client = stored.token ? shop.withToken(stored.token) : shop;
    const found = await client.GET("/v1/checkouts/{id}", { params: { path: { id: stored.id } } }).catch(() => undefined);
    if (found && !found.data.orderId) return { checkout: found.data, client, token: stored.token };
  }
  const { data: checkout } = await shop.POST("/v1/checkouts", { body: { items: cart.items() } });
  const { id, token } = checkout;
  localStorage.setItem("checkout", JSON.stringify({ id, token } satisfies StoredCheckout));
  const client = token ? shop.withToken(token) : shop;
  await client.GET("/v1/checkouts/{id}", { params: { path: { id } } }); // for its version
  return { checkout, client, token };
}

/** storeGuestToken stores the token of a guest's order. It also comes by mail. */
export function storeGuestToken(orderId: string, token: string): void {
  localStorage.setItem(`order ${orderId}`, token);
}

/** orderClient returns a client that may read an order: a guest's has the order's token. */
export function orderClient(orderId: string): Client {
  const token = localStorage.getItem(`order ${orderId}`);
  return token ? shop.withToken(token) : shop;
}
