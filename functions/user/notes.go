package user

import "souk/shared/note"

// notes are the notes on accounts, and their tags.
var notes = note.Subject{Resource: resourceUser, Path: "/v1/users", Table: "user", Notes: "user_note", Tags: "user_tag", Key: "user_id", Personal: true}
