"use strict";

live({
  functions(all) {
    for (const f of all) {
      const cells = $$("td", document.getElementById("f-" + f.name));
      text(cells[1], String(f.instances.length));
      text(cells[2], format.count(f.counters.requests));
    }
  },
});
