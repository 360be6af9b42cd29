package order

import "souk/shared/note"

// notes are the notes on orders, and their tags.
var notes = note.Subject{Resource: resourceOrder, Path: "/v1/orders", Table: "orders", Notes: "order_note", Tags: "order_tag", Key: "order_id"}
