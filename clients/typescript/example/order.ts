import { poll } from "../src/index.js";
import { announce, h } from "./dom.js";
import type { Page } from "./main.js";
import { totals } from "./checkout.js";
import { orderClient, storeGuestToken, type Order, type Payment } from "./shop.js";

const texts: Record<Order["status"], string> = {
  pending: "We are reserving your items.",
  awaiting_payment: "Your items are reserved. Please pay to confirm the order.",
  confirmed: "Thank you! Your order is confirmed. You get a mail about it.",
  partially_shipped: "A part of your order is on its way.",
  shipped: "Your order is on its way.",
  delivered: "Your order was delivered.",
  rejected: "We could not reserve all items. Nothing was charged.",
  cancelled: "The order is cancelled.",
};

/** returnPage is where the payment provider leads the customer back to. It is no proof of payment: the order is. */
export const returnPage: Page = () => {
  const id = new URLSearchParams(location.search).get("order") ?? "";
  history.replaceState(null, "", `/orders/${encodeURIComponent(id)}?paid`);
  return orderPage(id, new AbortController().signal);
};

export const orderPage: Page = async (id, signal) => {
  const token = new URLSearchParams(location.hash.slice(1)).get("token"); // of a link in a mail
  if (token) {
    storeGuestToken(id, token);
    history.replaceState(null, "", location.pathname);
  }
  const client = orderClient(id);
  const params = { path: { id } };
  const read = () => client.GET("/v1/orders/{id}", { params, signal });
  const { data: order } = await read();
  const state = h("p", {});
  const action = h("div", { class: "actions" });
  const table = h("section", { class: "card body", "aria-label": "Your order" });
  const isReturn = new URLSearchParams(location.search).has("paid");

  function show(now: Order, payment?: Payment): void {
    state.replaceChildren(h("span", { class: "state", id: "state" }, now.status.replaceAll("_", " ")), h("br"), texts[now.status]);
    table.replaceChildren(totals(now));
    const url = now.status === "awaiting_payment" ? payment?.nextAction?.url : undefined;
    action.replaceChildren(...(url ? [h("a", { class: "button", href: url }, "Pay now")] : [h("a", { href: "/" }, "To the products")]));
    if (payment?.failure && url) state.append(h("div", { role: "alert" }, "The card was declined. Please try another one."));
    announce(`${now.status}. ${texts[now.status]}`);
  }

  /** follow shows the order until nothing is expected to happen soon. */
  async function follow(): Promise<void> {
    const decided = await poll(read, (o) => o.status !== "pending", { signal });
    if (!decided) return;
    show(decided);
    if (decided.status !== "awaiting_payment") return;
    const payment = await poll(() => client.GET("/v1/orders/{id}/payment", { params, signal }), isPayable, { signal, notYet: ["payment_not_found"] });
    if (payment) show(decided, payment);
    if (!isReturn && payment?.nextAction?.url && sessionStorage.getItem("led to") !== id) {
      sessionStorage.setItem("led to", id); // once: the customer may come back without having paid
      location.assign(payment.nextAction.url);
      return;
    }
    const paid = await poll(read, (o) => o.status !== "awaiting_payment", { signal, maxWait: 600_000 });
    if (paid) show(paid);
  }

  show(order);
  void follow().catch((error: unknown) => {
    if (!signal.aborted) state.append(h("div", { role: "alert" }, error instanceof Error ? error.message : "The order cannot be read."));
  });
  return [h("div", { class: "split" }, h("section", {}, h("h1", {}, "Your order"), state, action), table)];
};

function isPayable(payment: Payment): boolean {
  return payment.nextAction?.url !== undefined || !["requested", "requires_action"].includes(payment.status);
}

