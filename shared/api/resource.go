package api

// Resource is the response of an operation that returns one resource: the resource, its
// entity tag, and its location if the operation has created it.
type Resource[T any] struct {
	ETag     string `header:"ETag" doc:"The version. Send it as If-Match to change the resource, as If-None-Match to check for changes." example:"\"3\""`
	Location string `header:"Location" doc:"The path of the new resource." example:"/v1/orders/0199c0de-0000-7000-8000-000000000001"`
	// PreferenceApplied is the outcome of Prefer (RFC 7240, section 3).
	PreferenceApplied string `header:"Preference-Applied" doc:"The preference that was applied." example:"wait=5"`
	Body              T
}
