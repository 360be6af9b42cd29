"use strict";

live({ changes: (html) => patch($("#changes"), html) });
