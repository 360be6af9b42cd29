package webhook

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/config"
)

// maxEndpoints is the maximum number of endpoints: each event is sent to all of them.
const maxEndpoints = 20

// Status is the status of an endpoint.
type Status string

// The statuses of an endpoint.
const (
	Enabled  Status = "enabled"
	Disabled Status = "disabled" // nothing is sent; deliveries wait, and fail when they expire
)

// DisabledReason is why an endpoint is disabled.
type DisabledReason string

// The reasons for Disabled. It is empty for an endpoint that is enabled.
const (
	ByStaff DisabledReason = "by_staff"
	Gone    DisabledReason = "gone"    // the endpoint has responded with 410
	Failing DisabledReason = "failing" // every attempt has failed for disableAfter
)

// EndpointFields are the fields of an endpoint that staff sets.
type EndpointFields struct {
	URL         string      `json:"url" format:"uri" minLength:"1" maxLength:"2048" doc:"Where events are sent to: an https URL that is reachable from the Internet, without a user name and a fragment. Redirects are not followed." example:"https://example.com/hooks/souk"`
	EventTypes  []EventType `json:"eventTypes" nullable:"false" minItems:"1" maxItems:"50" uniqueItems:"true" doc:"The types of the events that are sent. * stands for all, also for those of later versions of the shop." example:"[\"order.confirmed\",\"order.shipped\"]"`
	Description string      `json:"description,omitempty" maxLength:"500" doc:"For staff." example:"Warehouse"`
}

// Endpoint is an address that events are sent to.
type Endpoint struct {
	ID uuid.UUID `json:"id" format:"uuid"`
	EndpointFields
	Status              Status         `json:"status" enum:"enabled,disabled" doc:"Nothing is sent to a disabled endpoint. Its deliveries wait and are sent when it is enabled, those of the last 72 hours." example:"enabled"`
	DisabledReason      DisabledReason `json:"disabledReason,omitempty" enum:"by_staff,gone,failing" doc:"Why the endpoint is disabled: by staff, because it has responded with 410, or because every attempt has failed for 5 days." example:"failing"`
	FailingSince        *time.Time     `json:"failingSince,omitempty" doc:"Since when all attempts have failed. Absent if the last attempt was successful."`
	PreviousSecretUntil *time.Time     `json:"previousSecretUntil,omitempty" doc:"Until when requests also have a signature by the secret before the last rotation."`
	Version             int64          `json:"version" doc:"The number of the endpoint's current version. It is also the ETag." example:"2"`
	CreatedAt           time.Time      `json:"createdAt"`
	UpdatedAt           time.Time      `json:"updatedAt"`
}

// endpointResponse is a response that contains one endpoint.
type endpointResponse = api.Resource[Endpoint]

func newEndpointResponse(e Endpoint) *endpointResponse {
	return &endpointResponse{ETag: api.ETag(e.Version), Body: e}
}

// EndpointSecret is an endpoint with its new secret.
type EndpointSecret struct {
	Endpoint
	Secret string `json:"secret,omitempty" doc:"The secret of the signatures: store it. It is in this response only, and not in one that is replayed for the same Idempotency-Key: rotate the secret to get another one." example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`

	// Revealed is Secret for the first response.
	Revealed config.Secret `json:"-"`
}

// secretResponse is a response that contains a new secret.
type secretResponse = api.Resource[EndpointSecret]

func newSecretResponse(e Endpoint, key []byte) *secretResponse {
	return &secretResponse{ETag: api.ETag(e.Version), Body: EndpointSecret{Endpoint: e, Revealed: config.NewSecret(formatKey(key))}}
}

// reveal returns the response with the secret. The one that is stored for the Idempotency-Key does
// not have it: nothing that can be read in the database suffices to sign.
func reveal(out *secretResponse) *secretResponse {
	revealed := *out
	revealed.Body.Secret = out.Body.Revealed.Reveal()
	return &revealed
}

// check returns an error for each field that cannot be stored.
func (s *service) check(fields EndpointFields) []api.FieldError {
	var errs []api.FieldError
	if err := s.settings.targets().CheckURL(fields.URL); err != nil {
		errs = append(errs, api.FieldError{Location: "body.url", Code: api.FieldFormat, Message: err.Error()})
	}
	return errs
}

// Resolve implements huma.Resolver: a type is either listed or part of all.
func (f EndpointFields) Resolve(huma.Context) []error { return checkTypes(f.EventTypes) }

func checkTypes(types []EventType) []error {
	if slices.Contains(types, allTypes) && len(types) > 1 {
		return []error{api.FieldError{Location: "body.eventTypes", Code: api.FieldValue, Message: "must contain * alone, or types without it"}}
	}
	return nil
}

// encodeTypes returns the value of the column event_types.
func encodeTypes(types []EventType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, " ")
}

func decodeTypes(text string) (types []EventType) {
	for name := range strings.FieldsSeq(text) {
		types = append(types, EventType(name))
	}
	return types
}

// tooManyEndpoints returns the problem for one endpoint more than a shop can have.
func tooManyEndpoints() *api.Problem {
	return api.NewProblem(http.StatusConflict, "too_many_webhooks",
		"The shop has %d webhooks, which is the limit. Delete one first.", maxEndpoints)
}
