import { ProblemError, type Client } from "../src/index.js";
import { field, form, h, values } from "./dom.js";
import { go, type Page } from "./main.js";
import { cart, formatMoney, openCheckout, shop, storeGuestToken, type Checkout, type Order } from "./shop.js";

const countries = { AT: "Austria", BE: "Belgium", CH: "Switzerland", DE: "Germany", FR: "France", GB: "United Kingdom", NL: "Netherlands", US: "United States" };

/** totals returns the table of a checkout or an order. */
export function totals(of: Checkout | Order): HTMLElement {
  const row = (text: string, value: string) => h("tr", {}, h("th", { scope: "row" }, text), h("td", {}, value));
  return h("table", {},
    h("tbody", {}, ...of.items.map((item) => row(`${item.quantity} × ${item.name}`, formatMoney(item.lineTotal)))),
    h("tfoot", {},
      of.discount.amount > 0 && row("Discount", `−${formatMoney(of.discount)}`),
      of.shipping && row(of.shipping.name, formatMoney(of.shipping.amount)),
      of.tax.amount > 0 && row(of.pricesIncludeTax ? "Includes tax of" : "Tax", formatMoney(of.tax)),
      row("Total", formatMoney(of.total))));
}

export const checkoutPage: Page = async () => {
  if (cart.items().length === 0) return [h("h1", {}, "Your cart is empty"), h("a", { class: "button", href: "/" }, "To the products")];
  const opened = await openCheckout();
  const { client, token } = opened;
  const quote = h("section", { class: "card body", "aria-label": "Your order" });
  const step = h("section", {});
  const path = { id: opened.checkout.id };

  async function update(body: object): Promise<void> {
    const { data } = await client.PATCH("/v1/checkouts/{id}", { params: { path }, body });
    show(data);
  }

  function show(checkout: Checkout, note?: string): void {
    quote.replaceChildren(
      h("h2", {}, "Your order"),
      note ? h("div", { role: "alert" }, note) : "",
      totals(checkout),
      ...checkout.problems.filter((p) => p.location.startsWith("discountCodes")).map((p) => h("p", { class: "error" }, `The code ${p.message}.`)),
      discountForm(checkout, update));
    const isComplete = checkout.shippingAddress !== undefined;
    step.replaceChildren(isComplete ? review(checkout) : addressForm(checkout, update));
    step.querySelector<HTMLElement>("input, button")?.focus();
  }

  function review(checkout: Checkout): HTMLElement {
    const { shippingAddress: a } = checkout;
    const open = checkout.problems.filter((p) => !p.location.startsWith("discountCodes"));
    return form(`Order and pay ${formatMoney(checkout.total)}`, async () => {
      const order = await complete(client, checkout, show);
      if (!order) return;
      if (token) storeGuestToken(order.id, token);
      cart.set({});
      go(`/orders/${order.id}`);
    },
    h("p", {}, `To ${a?.name}, ${a?.line1}, ${a?.postalCode ?? ""} ${a?.city}`),
    checkout.shippingOptions.length > 0 && shippingChoice(checkout, update),
    ...open.map((p) => h("p", { class: "error" }, `${p.location}: ${p.message}.`)));
  }

  show(opened.checkout);
  return [h("h1", {}, "Check out"), h("div", { class: "split" }, step, quote)];
};

/** complete places the order at the total that the customer has seen. If that has changed, it shows the new one. */
async function complete(client: Client, checkout: Checkout, show: (now: Checkout, note: string) => void): Promise<Order | undefined> {
  try {
    const { data } = await client.POST("/v1/checkouts/{id}/complete", {
      params: { path: { id: checkout.id } }, body: { version: checkout.version, total: checkout.total },
    });
    return data;
  } catch (error) {
    if (!(error instanceof ProblemError && error.code === "checkout_changed")) throw error;
    show(error.current as Checkout, "The price has changed meanwhile. Please check it and order again.");
    return undefined;
  }
}

function addressForm(checkout: Checkout, update: (body: object) => Promise<void>): HTMLElement {
  const options = Object.entries(countries).map(([code, name]) => h("option", { value: code, selected: code === "DE" }, name));
  return form("Continue", async (element) => {
    const { email, name, ...address } = values(element);
    await update({ ...(email && { email }), name, shippingAddress: { name, ...address } });
  },
  shop.tokens
    ? h("p", {}, "You are signed in.")
    : h("div", {}, field({ label: "E-mail", name: "email", type: "email", autocomplete: "email", value: checkout.email ?? "" }), h("p", { class: "soft" }, "No account is needed. ", h("a", { href: "/account" }, "Sign in"))),
  field({ label: "Name", name: "name", autocomplete: "name", value: checkout.name ?? "" }),
  field({ label: "Street and number", name: "line1", autocomplete: "address-line1" }),
  h("div", { class: "row" }, field({ label: "Postal code", name: "postalCode", autocomplete: "postal-code" }), field({ label: "City", name: "city", autocomplete: "address-level2" })),
  h("div", { class: "field" }, h("label", { for: "field-country" }, "Country"), h("select", { id: "field-country", name: "country", autocomplete: "country" }, ...options), h("p", { class: "error", id: "field-country-error" })));
}

function shippingChoice(checkout: Checkout, update: (body: object) => Promise<void>): HTMLElement {
  const choices = checkout.shippingOptions.map((option) =>
    h("label", { class: "choice" },
      h("input", {
        type: "radio", name: "shippingMethod", value: option.method, required: true,
        checked: option.method === checkout.shippingMethod, onchange: () => update({ shippingMethod: option.method }),
      }),
      option.name,
      h("span", { class: "price" }, formatMoney(option.amount))));
  return h("fieldset", {}, h("legend", {}, "Shipping"), ...choices);
}

function discountForm(checkout: Checkout, update: (body: object) => Promise<void>): HTMLElement {
  return form("Use the code", (element) => update({ discountCodes: Object.values(values(element)) }),
    field({ label: "Discount code", name: "code", required: false, maxlength: 64, value: checkout.discountCodes[0] ?? "" }));
}
