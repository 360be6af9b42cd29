import { announce, field, h, values } from "./dom.js";
import { go, type Page } from "./main.js";
import { cart, formatMoney, shop, type Product } from "./shop.js";

/** tile returns the picture of a product, or its initial on a colour of its own. */
function tile(product: Product): HTMLElement {
  const [image] = product.images;
  if (image) return h("div", { class: "tile" }, h("img", { src: image, alt: "", loading: "lazy" }));
  const hue = [...product.name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) % 360, 7);
  return h("div", { class: "tile", "aria-hidden": "true", style: `background: hsl(${hue} 35% 32%)` }, product.name.slice(0, 1));
}

export const catalogPage: Page = async (_, signal) => {
  const q = new URLSearchParams(location.search).get("q") ?? "";
  const list = h("ul", { class: "grid" });
  const more = h("button", { class: "plain", type: "button", onclick: () => load() }, "More products");
  let pageToken: string | undefined;
  async function load(): Promise<void> {
    const query = { pageSize: 24, ...(q && { q }), ...(pageToken && { pageToken }) };
    const { data } = await shop.GET("/v1/products", { params: { query }, signal });
    list.append(...data.items.map(productCard));
    pageToken = data.nextPageToken;
    more.hidden = !pageToken;
    announce(`${list.children.length} products`);
  }
  await load();
  const search = h("form", {
    class: "search",
    role: "search",
    onsubmit(event) {
      event.preventDefault();
      const words = values(event.target as HTMLFormElement).q;
      go(words ? `/?q=${encodeURIComponent(words)}` : "/");
    },
  }, h("label", { for: "q", class: "visually-hidden" }, "Search"), h("input", { id: "q", name: "q", type: "search", value: q, maxlength: 200 }), h("button", {}, "Search"));
  return [h("h1", {}, q ? `Products with “${q}”` : "Products"), search, list.children.length ? list : h("p", {}, "Nothing was found."), h("div", { class: "actions" }, more)];
};

function productCard(product: Product): HTMLElement {
  return h("li", { class: "card" },
    h("a", { href: `/products/${product.id}` }, tile(product),
      h("div", { class: "body" },
        h("strong", {}, product.name),
        h("div", { class: "price" }, formatMoney(product.price)),
        product.available === 0 && h("div", { class: "soft" }, "Sold out"))));
}

export const productPage: Page = async (id, signal) => {
  const { data: product } = await shop.GET("/v1/products/{id}", { params: { path: { id } }, signal });
  const quantity = field({ label: "Quantity", name: "quantity", type: "number", min: 1, max: 100, value: 1 });
  const order = h("form", {
    onsubmit(event) {
      event.preventDefault();
      cart.add(product.id, Number(values(order).quantity));
      go("/cart");
    },
  }, quantity, h("div", { class: "actions" }, h("button", {}, "Add to the cart")));
  return [
    h("div", { class: "split" },
      h("div", { class: "card" }, tile(product)),
      h("div", {},
        h("h1", {}, product.name),
        h("p", { class: "price" }, formatMoney(product.price)),
        h("p", {}, product.description),
        h("p", { class: "soft" }, product.available > 0 ? `${product.available} in stock` : "Sold out"),
        product.available > 0 && order)),
  ];
};

export const cartPage: Page = async (_, signal) => {
  const content = cart.items();
  const found = await Promise.allSettled(content.map(({ productId: id }) => shop.GET("/v1/products/{id}", { params: { path: { id } }, signal })));
  const lines = found.flatMap((result, i) => (result.status === "fulfilled" ? [{ product: result.value.data, quantity: content[i]!.quantity }] : []));
  if (lines.length === 0) return [h("h1", {}, "Your cart is empty"), h("a", { class: "button", href: "/" }, "To the products")];
  const line = ({ product, quantity }: (typeof lines)[number]) =>
    h("li", {},
      h("a", { href: `/products/${product.id}` }, product.name),
      h("label", { class: "visually-hidden", for: `quantity-${product.id}` }, `Quantity of ${product.name}`),
      h("input", {
        id: `quantity-${product.id}`, name: "quantity", type: "number", min: 0, max: 100, value: quantity,
        onchange(event) {
          cart.set({ ...cart.get(), [product.id]: Number((event.target as HTMLInputElement).value) });
          go("/cart");
        },
      }),
      h("span", { class: "price" }, formatMoney({ ...product.price, amount: product.price.amount * quantity })));
  return [h("h1", {}, "Your cart"), h("ul", { class: "list" }, ...lines.map(line)), h("div", { class: "actions" }, h("a", { class: "button", href: "/checkout" }, "Check out"))];
};
