import { accountPage, confirmPage, resetPage } from "./account.js";
import { cartPage, catalogPage, productPage } from "./catalog.js";
import { checkoutPage } from "./checkout.js";
import { explain, h } from "./dom.js";
import { orderPage, returnPage } from "./order.js";
import { securityPage } from "./security.js";
import { showCount } from "./shop.js";
import { codePage, signInPage } from "./signin.js";

/** Page returns the content of a page, which begins with its h1. The signal is aborted when the customer leaves it. */
export type Page = (parameter: string, signal: AbortSignal) => Promise<Node[]> | Node[];

const pages: [RegExp, Page][] = [
  [/^\/$/, catalogPage],
  [/^\/products\/([\w-]+)$/, productPage],
  [/^\/cart$/, cartPage],
  [/^\/checkout$/, checkoutPage],
  [/^\/return$/, returnPage],
  [/^\/orders\/([\w-]+)$/, orderPage],
  [/^\/account$/, accountPage],
  [/^\/security$/, securityPage],
  [/^\/sign-in$/, signInPage],
  [/^\/sign-in\/code$/, codePage],
  [/^\/confirm-email$/, confirmPage],
  [/^\/reset-password$/, resetPage],
];

let current = new AbortController();

/** show shows the page of the address. */
async function show(): Promise<void> {
  current.abort();
  const { signal } = (current = new AbortController());
  const main = document.getElementById("main")!;
  main.setAttribute("aria-busy", "true");
  let content: Node[];
  try {
    const [match, page] = pages.map(([pattern, p]) => [pattern.exec(location.pathname), p] as const).find(([m]) => m) ?? [];
    content = match && page ? await page(match[1] ?? "", signal) : [h("h1", {}, "Page not found"), h("a", { href: "/" }, "To the products")];
  } catch (error) {
    content = [h("h1", {}, "That did not work"), h("div", { role: "alert" }, explain(error))];
  }
  if (signal.aborted) return;
  main.replaceChildren(...content);
  main.removeAttribute("aria-busy");
  const title = main.querySelector("h1");
  document.title = `${title?.textContent} · Souk`;
  title?.setAttribute("tabindex", "-1");
  title?.focus();
}

/** go shows another page. */
export function go(path: string): void {
  history.pushState(null, "", path);
  window.scrollTo(0, 0);
  void show();
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.origin !== location.origin || link.hash || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
window.addEventListener("popstate", () => void show());
showCount();
void show();
