import { ConnectionError, ProblemError } from "../src/index.js";

type Child = Node | string | false | undefined;
type Attributes = Record<string, string | number | boolean | undefined | ((event: Event) => unknown)>;

/** h creates an element. Attributes that are functions are event listeners: onclick. Text is never parsed as HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== false && child !== undefined));
  return element;
}

/** svg returns a picture of one path. */
export function svg(attributes: Record<string, string>, path: string): SVGElement {
  const create = (name: "svg" | "path", values: Record<string, string>): SVGElement => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(values)) element.setAttribute(key, value);
    return element;
  };
  const picture = create("svg", attributes);
  picture.append(create("path", { d: path }));
  return picture;
}

/** action returns a button that is disabled while it runs, with a place for its error. */
export function action(text: string, run: () => Promise<unknown>): HTMLElement {
  const alert = h("div", { role: "alert" });
  const button = h("button", {
    class: "plain", type: "button",
    async onclick() {
      button.disabled = true;
      alert.textContent = "";
      try {
        await run();
      } catch (error) {
        alert.textContent = explain(error);
      } finally {
        button.disabled = false;
      }
    },
  }, text);
  return h("div", { class: "action" }, button, alert);
}

/** announce has screen readers read a text. */
export function announce(text: string): void {
  document.getElementById("status")!.textContent = text;
}

/** browserErrors are the errors of passkeys, by their names (WebAuthn, sections 5.1.3 and 5.1.4). */
const browserErrors: Record<string, string> = {
  NotAllowedError: "That was cancelled, or took too long. Please try again.",
  InvalidStateError: "This device has a passkey of your account already.",
  SecurityError: "Passkeys of the shop cannot be used at this address.",
};

/** problems are errors whose detail is for programs, by their codes. */
const problems: Record<string, string> = {
  invalid_challenge: "That took too long, or there were too many attempts. Please sign in again.",
  wrong_code: "The code is wrong, or was used already. Please enter the next one.",
  wrong_passkey: "The shop does not know this passkey. Use another one, or your password.",
  passkeys_off: "The shop does not offer passkeys.",
};

/** explain returns what an error means for a customer. */
export function explain(error: unknown): string {
  if (error instanceof ConnectionError) return "The shop cannot be reached. Check your connection and try again.";
  if (error instanceof DOMException) return browserErrors[error.name] ?? "Your browser could not do that.";
  if (error instanceof ProblemError && error.code in problems) return problems[error.code]!;
  if (!(error instanceof ProblemError)) return "Something went wrong. Reload the page and try again.";
  if (error.errors.length > 0) return "Please check your entries.";
  if (error.code === "overloaded" || error.status === 429) return "The shop is busy. Please try again in a moment.";
  return error.detail;
}

interface FieldOptions extends Attributes {
  label: string;
  name: string;
}

/** field returns an input with its label, and a place for its error. */
export function field({ label, name, ...attributes }: FieldOptions): HTMLElement {
  const id = `field-${name}`;
  const input = h("input", { id, name, required: true, ...attributes, "aria-describedby": `${id}-error` });
  return h("div", { class: "field" }, h("label", { for: id }, label), input, h("p", { class: "error", id: `${id}-error` }));
}

/** values returns the texts of a form's inputs, without empty ones. Spaces at the ends of a password belong to it. */
export function values(form: HTMLFormElement): Record<string, string> {
  const isPassword = (name: string) => form.querySelector(`input[type="password"][name="${name}"]`) !== null;
  const entries = [...new FormData(form)].map(([name, value]) => [name, isPassword(name) ? String(value) : String(value).trim()]);
  return Object.fromEntries(entries.filter(([, value]) => value !== ""));
}

/**
 * form returns a form. While submit runs its button is disabled; an error is shown above, and those of the input beside
 * their fields, by the last part of the location.
 */
export function form(button: string, submit: (form: HTMLFormElement) => Promise<unknown>, ...children: Child[]): HTMLFormElement {
  const alert = h("div", { role: "alert" });
  const send = h("button", { type: "submit" }, button);
  const element = h("form", {
    async onsubmit(event) {
      event.preventDefault();
      if (send.disabled) return;
      send.disabled = true;
      alert.textContent = "";
      showErrors(element, undefined);
      try {
        await submit(element);
      } catch (error) {
        if (!showErrors(element, error)) alert.textContent = explain(error);
      } finally {
        send.disabled = false;
      }
    },
  }, alert, ...children, h("div", { class: "actions" }, send));
  return element;
}

/** showErrors marks the fields of an error, and reports whether all of its errors have one. */
function showErrors(element: HTMLFormElement, error: unknown): boolean {
  const errors = error instanceof ProblemError ? error.errors : [];
  const shown = new Set<string>();
  let first: HTMLElement | undefined;
  for (const input of element.querySelectorAll<HTMLInputElement>("input[name], select[name]")) {
    const found = errors.find((e) => e.location.split(".").pop() === input.name);
    const text = element.querySelector(`#${input.id}-error`);
    input.toggleAttribute("aria-invalid", false);
    if (text) text.textContent = found ? `This ${found.message}.` : "";
    if (!found || !text) continue;
    input.setAttribute("aria-invalid", "true");
    shown.add(found.location);
    first ??= input;
  }
  first?.focus();
  return errors.length > 0 && errors.every((e) => shown.has(e.location));
}
