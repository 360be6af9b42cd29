"use strict";

// A body that the user reads is not replaced.
live({
  list: (html) => patch($("#list"), html),
  webhook: (html) => { if (!$("#webhook details[open]")) patch($("#webhook"), html); },
});
