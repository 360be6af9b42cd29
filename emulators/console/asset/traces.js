"use strict";

// The list and the waterfall arrive as HTML of the page's templates.
live({
  list: (html) => patch($("#list"), html),
  waterfall: (html) => patch($("#waterfall"), html),
});

const detail = (row) => row.nextElementSibling;

// toggle shows or hides the details of a span.
function toggle(row) {
  const more = detail(row);
  if (!more || !more.matches(".detail")) return;
  more.hidden = !more.hidden;
  row.toggleAttribute("data-open", !more.hidden);
}

// fold hides or shows the spans below a span.
function fold(row, open) {
  row.setAttribute("aria-expanded", open);
  const level = +row.getAttribute("aria-level");
  let closed = Infinity; // the level of a folded span below which rows stay hidden
  for (let next = row.nextElementSibling; next; next = next.nextElementSibling) {
    if (next.matches(".detail")) continue;
    const at = +next.getAttribute("aria-level");
    if (at <= level) break;
    if (at <= closed) closed = Infinity;
    next.hidden = !open || at > closed;
    if (next.hidden) { detail(next).hidden = true; next.removeAttribute("data-open"); }
    if (next.getAttribute("aria-expanded") === "false") closed = Math.min(closed, at);
  }
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr.span");
  if (!row || getSelection().toString()) return;
  if (event.target.closest(".fold")) fold(row, row.getAttribute("aria-expanded") === "false");
  else toggle(row);
});

document.addEventListener("keydown", (event) => {
  const row = event.target.closest && event.target.closest("tr.span");
  if (!row || event.target !== row) return;
  const expanded = row.getAttribute("aria-expanded");
  if (event.key === "ArrowRight" && expanded === "false") fold(row, true);
  else if (event.key === "ArrowLeft" && expanded === "true") fold(row, false);
  else if (event.key === "ArrowDown") step(1);
  else if (event.key === "ArrowUp") step(-1);
  else if (event.key === " ") toggle(row);
  else return;
  event.preventDefault();
});
