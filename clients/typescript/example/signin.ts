import { hasPasskeys, SecondFactorError, signInWithPasskey } from "../src/index.js";
import { action, field, form, h, values } from "./dom.js";
import { go, type Page } from "./main.js";
import { forgetCheckout, shop } from "./shop.js";

/** challenge is that of a sign-in whose password was right, and which needs a code. */
let challenge: string | undefined;

/** next is the page after the sign-in. */
let next = "/account";

/** askToSignIn has the customer sign in, and come back to the current page. */
export function askToSignIn(): void {
  next = location.pathname;
  go("/sign-in");
}

/** signIn signs in and shows the next page: that for the code if the account has a second factor. */
export async function signIn(email: string, password: string): Promise<void> {
  try {
    await shop.signIn({ email, password });
  } catch (error) {
    if (!(error instanceof SecondFactorError)) throw error;
    ({ challenge } = error);
    go("/sign-in/code");
    return;
  }
  showNext();
}

function showNext(): void {
  forgetCheckout();
  const path = shop.tokens?.secondFactor ? "/security" : next;
  [challenge, next] = [undefined, "/account"];
  go(path);
}

/** signInForm returns the form for a password, and the button for a passkey. */
export function signInForm(): HTMLElement {
  const password = form("Sign in", (element) => {
    const { email = "", password = "" } = values(element);
    return signIn(email, password);
  },
  field({ label: "E-mail", name: "email", type: "email", autocomplete: "username" }),
  field({ label: "Password", name: "password", type: "password", autocomplete: "current-password", maxlength: 128 }));
  return h("div", {}, password, hasPasskeys() && passkeyButton());
}

function passkeyButton(): HTMLElement {
  return action("Sign in with a passkey", async () => {
    await signInWithPasskey(shop);
    showNext();
  });
}

export const signInPage: Page = () => [
  h("h1", {}, "Sign in"),
  h("div", { class: "narrow" }, shop.tokens && h("p", {}, "To change how you sign in, sign in again: you did more than five minutes ago."), signInForm()),
];

export const codePage: Page = () => {
  const current = challenge;
  if (!current) return signInPage("", new AbortController().signal);
  return [
    h("h1", {}, "Enter your code"),
    h("div", { class: "narrow" },
      form("Sign in", async (element) => {
        const { code = "" } = values(element);
        element.reset(); // a code is accepted once
        await shop.confirmSignIn({ challenge: current, code: code.replaceAll(" ", "") });
        showNext();
      },
      h("p", {}, "It is in your authenticator app. Without the app, use one of your recovery codes."),
      field({ label: "Code", name: "code", autocomplete: "one-time-code", autocapitalize: "none", spellcheck: "false", maxlength: 64 })),
      hasPasskeys() && passkeyButton()),
  ];
};
