"use strict";

// An event that the user reads is not replaced.
live({
  list: (html) => patch($("#list"), html),
  order: (html) => { if (!$("#order details[open]")) patch($("#order"), html); },
});
