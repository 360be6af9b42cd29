import { encode } from "uqr";
import { confirmAuthenticatorApp, hasPasskeys, ProblemError, registerPasskey, removeFactor, type components } from "../src/index.js";
import { action, announce, field, form, h, svg, values } from "./dom.js";
import { go, type Page } from "./main.js";
import { shop } from "./shop.js";
import { askToSignIn } from "./signin.js";

type Factor = components["schemas"]["Factor"];

/** securityPage shows and changes the second factor of an account. */
export const securityPage: Page = async (_, signal) => {
  if (!shop.tokens) {
    askToSignIn();
    return [h("h1", {}, "Sign in")];
  }
  const { data: security } = await shop.GET("/v1/users/me/second-factor", { signal });
  const { factors } = security;
  const hasApp = factors.some((factor) => factor.kind === "totp");
  return [
    h("h1", {}, "Sign-in and security"),
    security.required && factors.length === 0 &&
      h("div", { class: "notice", role: "note" }, "Your role needs a second factor. Add one to get its rights: a passkey, or an authenticator app."),
    h("div", { class: "split" },
      h("div", {},
        h("section", { class: "card body" },
          h("h2", {}, "Your second factor"),
          factors.length > 0
            ? h("ul", { class: "list" }, ...factors.map(factorItem))
            : h("p", { class: "soft" }, "There is none yet: your password alone signs in.")),
        factors.length > 0 && recoverySection(security.recoveryCodes)),
      h("div", {}, passkeySection(), !hasApp && appSection())),
  ].filter((node) => node !== false);
};

/** change runs a change, which may need a new sign-in. */
async function change<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof ProblemError && error.code === "recent_login_required")) throw error;
    askToSignIn();
    return undefined;
  }
}

function factorItem({ id, kind, name = "Authenticator app", createdAt, usedAt }: Factor): HTMLElement {
  const date = (text: string) => new Date(text).toLocaleDateString("en", { dateStyle: "medium" });
  const used = usedAt ? `, last used ${date(usedAt)}` : "";
  const remove = action("Remove", () => change(async () => {
    if (!confirm(`Remove ${name}? It can no longer be used to sign in.`)) return;
    await removeFactor(shop, id);
    go("/security");
  }));
  return h("li", {}, icon(kind), h("div", { class: "grow" }, h("strong", {}, name), h("div", { class: "soft" }, `Added ${date(createdAt)}${used}`)), remove);
}

/** icon returns the picture of a kind of factor: a key or a phone. */
function icon(kind: Factor["kind"]): SVGElement {
  const [viewBox, path] = kind === "passkey"
    ? ["3 -1 18 18", "M8 4a4 4 0 1 0 0 8 4 4 0 0 0 3.9-3H14v2.5h2.5V9H20V6.5h-8.1A4 4 0 0 0 8 4Zm0 2.6a1.4 1.4 0 1 1 0 2.8 1.4 1.4 0 0 1 0-2.8Z"]
    : ["0 0 24 24", "M7 2h10a1.5 1.5 0 0 1 1.5 1.5v17A1.5 1.5 0 0 1 17 22H7a1.5 1.5 0 0 1-1.5-1.5v-17A1.5 1.5 0 0 1 7 2Zm.8 2.3v13.4h8.4V4.3ZM12 18.8a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z"];
  return svg({ class: "icon", viewBox, "aria-hidden": "true" }, path);
}

function passkeySection(): HTMLElement {
  const text = "Sign in with your fingerprint, your face or the PIN of your device. Nothing to type, and no page can steal it.";
  return h("section", { class: "card body" },
    h("h2", {}, "Add a passkey"),
    h("p", {}, text),
    hasPasskeys()
      ? form("Add a passkey", (element) => change(async () => {
          const { name = "" } = values(element);
          showCodes((await registerPasskey(shop, name)).recoveryCodes);
        }), field({ label: "Name of this device", name: "name", autocomplete: "off", maxlength: 100 }))
      : h("p", { class: "soft" }, "This browser cannot use passkeys here."));
}

function appSection(): HTMLElement {
  const section = h("section", { class: "card body" });
  const setUp = action("Set up an app", () => change(async () => {
    const { data: app } = await shop.POST("/v1/users/me/totp");
    section.replaceChildren(...appSetup(app));
    section.querySelector("input")?.focus();
  }));
  section.append(h("h2", {}, "Add an authenticator app"), h("p", {}, "An app on your phone shows a code of six digits, which you enter after your password."), setUp);
  return section;
}

function appSetup({ url, secret }: components["schemas"]["TotpSetup"]): Node[] {
  const { data, size } = encode(url, { border: 4 });
  const modules = data.map((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")).join("")).join("");
  return [
    h("h2", {}, "Add an authenticator app"),
    h("p", {}, "Scan the code with the app, then enter what the app shows."),
    svg({ class: "qr", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": "QR code of the secret", "shape-rendering": "crispEdges" }, modules),
    h("p", {}, h("a", { href: url }, "Open it in an app on this device"), ", or type the secret:"),
    h("code", { class: "secret", id: "secret" }, secret.replaceAll(/(.{4})(?=.)/g, "$1 ")),
    form("Confirm", (element) => change(async () => {
      const { code = "" } = values(element);
      showCodes(await confirmAuthenticatorApp(shop, code.replaceAll(" ", "")));
    }), field({ label: "Code", name: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 7 })),
  ];
}

function recoverySection(count: number): HTMLElement {
  const replace = action("Replace the codes", () => change(async () => {
    if (!confirm("Replace the recovery codes? All earlier ones become invalid.")) return;
    showCodes((await shop.POST("/v1/users/me/recovery-codes")).data.recoveryCodes);
  }));
  return h("section", { class: "card body" },
    h("h2", {}, "Recovery codes"),
    h("p", {}, `${count} of 10 are left. Each of them signs in once, after your password, if you have lost the rest.`),
    replace);
}

/** showCodes shows recovery codes, which the shop does not show again, before the page. */
function showCodes(codes: string[]): void {
  if (codes.length === 0) {
    go("/security");
    return;
  }
  const text = codes.join("\n");
  const file = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
  const title = h("h1", { tabindex: "-1" }, "Store your recovery codes");
  const done = h("button", { type: "button", onclick: () => (URL.revokeObjectURL(file), go("/security")) }, "I have stored them");
  document.getElementById("main")!.replaceChildren(
    title,
    h("div", { class: "narrow" },
      h("p", {}, "Each of them signs in once, after your password, if you have lost your device. They are shown only now."),
      h("ol", { class: "codes" }, ...codes.map((code) => h("li", {}, h("code", {}, code)))),
      h("div", { class: "actions" }, done,
        h("a", { class: "button plain", href: file, download: "souk-recovery-codes.txt" }, "Download"),
        action("Copy", async () => {
          await navigator.clipboard.writeText(text);
          announce("The codes were copied.");
        }))));
  title.focus();
}
