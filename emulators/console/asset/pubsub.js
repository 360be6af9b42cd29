"use strict";

// Messages that the user reads are not replaced: an open one keeps the list as it is.
live({
  subscriptions: (html) => patch($("#subscriptions"), html),
  messages: (html) => { if (!$("#messages details[open]")) patch($("#messages"), html); },
});

const publish = $("#publish");
if (publish) {
  $("#open-publish").addEventListener("click", () => publish.showModal());
  $("[data-close]", publish).addEventListener("click", () => publish.close());
  publish.addEventListener("acted", (event) => { if (event.detail.ok) publish.close(); });
}

// After a dead letter was replayed or discarded, the list may be replaced.
document.addEventListener("acted", (event) => {
  if (event.detail.ok) $$("#messages details[open]").forEach((details) => { details.open = false; });
});

document.addEventListener("click", (event) => {
  const row = event.target.closest(".message");
  if (row && event.target === row) $("details", row).open = !$("details", row).open;
});
