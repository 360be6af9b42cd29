import { items } from "../src/index.js";
import { announce, explain, field, form, h, values } from "./dom.js";
import { go, type Page } from "./main.js";
import { forgetCheckout, formatMoney, shop } from "./shop.js";
import { signIn, signInForm } from "./signin.js";

const password = (label: string, name: string, autocomplete: string) =>
  field({ label, name, type: "password", autocomplete, minlength: autocomplete === "new-password" ? 8 : 1, maxlength: 128 });

export const accountPage: Page = async (_, signal) => {
  if (!shop.tokens) return signInPage();
  const { data: user } = await shop.GET("/v1/users/me", { signal });
  const orders = h("ul", { class: "list" });
  for await (const order of items(shop, "/v1/orders", { params: { query: { pageSize: 20 } }, signal })) {
    orders.append(h("li", {},
      h("a", { href: `/orders/${order.id}` }, new Date(order.createdAt).toLocaleDateString("en", { dateStyle: "medium" })),
      h("span", { class: "soft" }, order.status.replaceAll("_", " ")),
      h("span", { class: "price" }, formatMoney(order.total))));
    if (orders.children.length === 20) break;
  }
  const leave = h("button", {
    class: "plain", type: "button",
    async onclick() {
      await shop.signOut();
      forgetCheckout();
      go("/account");
    },
  }, "Sign out");
  return [
    h("h1", {}, `Hello ${user.name}`), h("p", { class: "soft" }, user.email),
    h("h2", {}, "Your orders"), orders.children.length ? orders : h("p", {}, "There are none yet."), h("div", { class: "actions" }, h("a", { class: "button plain", href: "/security" }, "Sign-in and security"), leave),
  ];
};

function signInPage(): Node[] {
  const note = h("p", { role: "status" });
  const existing = signInForm();
  const forgotten = h("button", {
    class: "plain", type: "button",
    async onclick() {
      const { email = "" } = values(existing.querySelector("form")!);
      try {
        await shop.POST("/v1/password-resets", { body: { email } });
        note.textContent = "If there is an account with this address, a mail with a link is on its way.";
      } catch (error) {
        note.textContent = email ? explain(error) : "Enter your e-mail address first.";
      }
    },
  }, "Set a new password");
  const register = form("Create an account", async (element) => {
    const { name = "", newEmail: email = "", newPassword: password = "" } = values(element);
    await shop.POST("/v1/users", { body: { name, email, password } });
    element.replaceChildren(h("h2", {}, "Check your mail"), h("p", { id: "registered" }, "Follow the link in it to confirm your address."));
    announce("Check your mail: follow the link in it to confirm your address.");
  },
  h("h2", {}, "New here?"),
  field({ label: "Name", name: "name", autocomplete: "name" }),
  field({ label: "E-mail", name: "newEmail", type: "email", autocomplete: "email" }),
  password("Password, at least 8 characters", "newPassword", "new-password"));
  return [h("h1", {}, "Your account"), h("div", { class: "split" }, h("div", {}, h("h2", {}, "Sign in"), existing, h("div", { class: "actions" }, forgotten), note), register)];
}

/** mailToken returns the token of a link in a mail, and removes it from the address and the history. */
function mailToken(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  history.replaceState(null, "", location.pathname);
  return token;
}

export const confirmPage: Page = () => {
  const token = mailToken();
  return [
    h("h1", {}, "Confirm your address"),
    form("Confirm", async (element) => {
      const { password = "" } = values(element);
      const { data: user } = await shop.POST("/v1/email-verifications/confirm", { body: { token, password } });
      await signIn(user.email, password);
    }, h("p", {}, "Enter the password that you have chosen."), password("Password", "password", "current-password")),
  ];
};

export const resetPage: Page = () => {
  const token = mailToken();
  return [
    h("h1", {}, "Set a new password"),
    form("Set the password", async (element) => {
      const { newPassword = "" } = values(element);
      await shop.POST("/v1/password-resets/confirm", { body: { token, newPassword } });
      go("/account");
    }, password("New password, at least 8 characters", "newPassword", "new-password")),
  ];
};
