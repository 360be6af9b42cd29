package api

// Resource is the answer of an operation that shows one thing: the thing, its
// entity tag, and where it is when the operation has made it.
type Resource[T any] struct {
	ETag     string `header:"ETag" doc:"The version. Send it as If-Match to change it, as If-None-Match to ask for changes." example:"\"3\""`
	Location string `header:"Location" doc:"Where the new thing is." example:"/v1/orders/0199c0de-0000-7000-8000-000000000001"`
	// PreferenceApplied is what came of Prefer (RFC 7240, section 3).
	PreferenceApplied string `header:"Preference-Applied" doc:"The preference that was honoured." example:"wait=5"`
	Body              T
}
