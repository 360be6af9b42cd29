"use strict";

const progress = $("#progress");
if (progress) {
  live({
    lab(state) {
      if (state.version !== Number(progress.dataset.version)) { location.reload(); return; }
      const running = state.running !== "";
      text($("#running"), running ? state.running : "Nothing is running");
      if (state.lines.length) {
        const lines = $("#lines");
        text(lines, state.lines.join("\n"));
        lines.scrollTop = lines.scrollHeight;
      }
      if ("trusted" in document.body.dataset) {
        $("#stop").disabled = !state.running.startsWith("experiment");
        $$(".experiment button").forEach((button) => { button.disabled = running; });
      }
    },
  });
  $("#stop").addEventListener("click", () => act("lab/stop"));
} else live({});
