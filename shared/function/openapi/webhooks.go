package openapi

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Webhook describes the requests about events of one type that a service sends to the endpoints of
// others, signed as Standard Webhooks defines it.
type Webhook struct {
	// Name is the type of the events, such as order.placed.
	Name, Summary string
	// Sent is a sentence about when they are sent.
	Sent string
	// Payload is the type of the body, a struct with the members type and data, and Data that of the
	// member data.
	Payload, Data reflect.Type
	// Responses describe the responses of endpoints, by status, class of status or "default".
	Responses map[string]string
}

// webhookText is the description of all webhooks, after when they are sent.
const webhookText = " Verify the signature by the secret of the webhook, ignore a `" + standardwebhooks.HeaderWebhookID +
	"` that you have processed, and members that you do not know."

// addWebhooks adds the webhooks of a service to the document.
func (d *documenter) addWebhooks(service Service) error {
	if len(service.Webhooks) == 0 {
		return nil
	}
	var headers []*huma.Param
	for _, p := range []*huma.Param{
		headerParam(standardwebhooks.HeaderWebhookID, true, exampleID, "The id of the event. It is the same whenever the event is sent."),
		headerParam(standardwebhooks.HeaderWebhookTimestamp, true, "1772357400", "The time of the request, in seconds since 1970-01-01T00:00:00Z. Refuse a request that is older than five minutes."),
		headerParam(standardwebhooks.HeaderWebhookSignature, true, "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
			"Signatures, separated by spaces: `v1,` and the base64 of an HMAC-SHA256 of the id, the timestamp and the body, joined by full stops. One of them must be right."),
	} {
		d.document.Components.Parameters[p.Name] = p
		headers = append(headers, &huma.Param{Ref: "#/components/parameters/" + p.Name})
	}
	if d.document.Webhooks == nil {
		d.document.Webhooks = map[string]*huma.PathItem{}
	}
	for _, w := range service.Webhooks {
		if d.document.Webhooks[w.Name] != nil {
			return fmt.Errorf("document webhook %s: it is documented already", w.Name)
		}
		operation, err := d.webhookOperation(w)
		if err != nil {
			return fmt.Errorf("document webhook %s: %w", w.Name, err)
		}
		operation.Tags, operation.Parameters = []string{service.Name}, slices.Clone(headers)
		d.document.Webhooks[w.Name] = &huma.PathItem{Post: operation}
	}
	return nil
}

// webhookOperation returns the operation of the endpoint that receives a webhook.
func (d *documenter) webhookOperation(w Webhook) (*huma.Operation, error) {
	operation := &huma.Operation{
		OperationID: "event-" + strings.ReplaceAll(w.Name, ".", "-"),
		Summary:     w.Summary,
		Description: w.Sent + webhookText,
		Security:    []map[string][]string{}, // the signature is its own
		Responses:   map[string]*huma.Response{},
	}
	d.names.operation = operation.OperationID
	schema, err := webhookSchema(d.document.Components.Schemas, w)
	if err != nil {
		return nil, err
	}
	content := &huma.MediaType{Schema: schema}
	addExample(content, d.document.Components.Schemas)
	operation.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": content}}
	for status, description := range w.Responses {
		response := &huma.Response{Description: description}
		if status == strconv.Itoa(http.StatusTooManyRequests) || status == strconv.Itoa(http.StatusServiceUnavailable) {
			response.Headers = withHeader(nil, "Retry-After")
		}
		operation.Responses[status] = response
	}
	return operation, nil
}

// webhookSchema returns the schema of a payload. It allows members that it does not list: receivers
// ignore them, so that members can be added to a version.
func webhookSchema(schemas huma.Registry, w Webhook) (*huma.Schema, error) {
	payload, data := huma.SchemaFromType(schemas, w.Payload), huma.SchemaFromType(schemas, w.Data)
	name := payload.Properties["type"]
	if name == nil || payload.Properties["data"] == nil || data.Type != huma.TypeObject {
		return nil, fmt.Errorf("%s is not a struct with the members type and data, or %s is not a struct", w.Payload, w.Data)
	}
	name.Enum = []any{w.Name}
	payload.Properties["data"] = data
	payload.AdditionalProperties, data.AdditionalProperties = nil, nil
	return payload, nil
}
