package functions_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.yaml.in/yaml/v3"

	"souk/functions"
	"souk/functions/webhook"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/function/functiontest"
)

// webhookDocument is the part of a webhook in openapi.yaml that the tests read.
type webhookDocument struct {
	Post struct {
		Parameters []struct {
			Ref string `json:"$ref"`
		}
		RequestBody struct {
			Required bool
			Content  map[string]struct {
				Schema struct {
					Properties struct {
						Data struct{ Properties map[string]any }
					}
				}
				Example any
			}
		}
		Responses map[string]any
	}
}

// mustReadWebhooks returns the webhooks in openapi.yaml, and the document as JSON.
func mustReadWebhooks(t *testing.T) (map[string]webhookDocument, []byte) {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(functions.OpenAPI, &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Webhooks map[string]webhookDocument }
	mustDecode(t, text, &document)
	return document.Webhooks, text
}

// sentPayload is a payload that the webhook service has stored.
type sentPayload struct{ eventType, text string }

// mustStorePayloads has the webhook service store the payload of an event of each topic that it consumes, and
// of a test event.
func mustStorePayloads(t *testing.T) []sentPayload {
	t.Helper()
	s := mustStart(t, "webhook")
	var endpoint webhook.EndpointSecret
	s.Do(t, functiontest.Request{
		Method: http.MethodPost, Path: "/v1/webhooks", Token: s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Owner}),
		Body: object{"url": "https://example.com/hook", "eventTypes": []any{"*"}},
	}).MustBe(t, http.StatusCreated).Into(t, &endpoint)
	fanout, _ := functions.Manifest().Function("webhook-fanout")
	for _, topic := range fanout.Events {
		deliverTo(t, s, fanout.Name, topic, json.RawMessage(strings.ReplaceAll(payloads[topic], "%s", missingID.String())))
	}
	createDelivery(t, s, endpoint.ID)
	sent, err := database.Collect(t.Context(), s.DB, func(row database.Scanner) (p sentPayload, err error) {
		return p, row.Scan(&p.eventType, &p.text)
	}, `SELECT type, payload FROM delivery WHERE endpoint_id = ? ORDER BY type`, endpoint.ID[:])
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// TestSentEvents compares the webhooks in openapi.yaml with the types of events that are sent, and a
// payload of each type, as it is sent, with its schema.
func TestSentEvents(t *testing.T) {
	t.Parallel()
	webhooks, document := mustReadWebhooks(t)
	types := []string{"webhook.test"}
	for _, name := range webhook.EventType("").Schema(nil).Enum {
		if name != "*" {
			types = append(types, name.(string))
		}
	}
	slices.Sort(types)
	if diff := cmp.Diff(types, slices.Sorted(maps.Keys(webhooks))); diff != "" {
		t.Errorf("webhooks in openapi.yaml (-types +documented):\n%s", diff)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", tree); err != nil {
		t.Fatal(err)
	}
	var sentTypes []string
	for _, sent := range mustStorePayloads(t) {
		sentTypes = append(sentTypes, sent.eventType)
		schema, err := compiler.Compile("openapi.json#/webhooks/" + sent.eventType + "/post/requestBody/content/application~1json/schema")
		if err != nil {
			t.Errorf("%s has no schema: %v", sent.eventType, err)
			continue
		}
		requireDocumented(t, sent, webhooks[sent.eventType], schema)
	}
	if diff := cmp.Diff(types, sentTypes); diff != "" {
		t.Errorf("types that are sent (-documented +sent):\n%s", diff)
	}
}

// requireDocumented requires that a payload is valid for its schema, which lists all members of its
// data and refuses an event of another type, and that the headers and the responses are documented.
func requireDocumented(t *testing.T, sent sentPayload, described webhookDocument, schema *jsonschema.Schema) {
	t.Helper()
	content, body := described.Post.RequestBody.Content["application/json"], decodeObject(t, sent.text)
	if err := schema.Validate(body); err != nil {
		t.Errorf("%s: %s: %v", sent.eventType, sent.text, err)
	}
	if err := schema.Validate(content.Example); err != nil {
		t.Errorf("%s: the example %v: %v", sent.eventType, content.Example, err)
	}
	data, _ := body["data"].(map[string]any)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(content.Schema.Properties.Data.Properties)), slices.Sorted(maps.Keys(data))); diff != "" {
		t.Errorf("members of the data of %s (-documented +sent):\n%s", sent.eventType, diff)
	}
	for member, value := range map[string]any{"type": "order.lost", "version": json.Number("2"), "data": map[string]any{}, "id": "1", "timestamp": "now"} {
		changed := maps.Clone(body)
		changed[member] = value
		if schema.Validate(changed) == nil {
			t.Errorf("%s: the schema accepts the %s %v", sent.eventType, member, value)
		}
	}
	var headers []string
	for _, p := range described.Post.Parameters {
		headers = append(headers, strings.TrimPrefix(p.Ref, "#/components/parameters/"))
	}
	want := []string{standardwebhooks.HeaderWebhookID, standardwebhooks.HeaderWebhookTimestamp, standardwebhooks.HeaderWebhookSignature}
	if diff := cmp.Diff(want, headers); diff != "" || !described.Post.RequestBody.Required {
		t.Errorf("%s: the body is required: %t; headers (-want +got):\n%s", sent.eventType, described.Post.RequestBody.Required, diff)
	}
	if diff := cmp.Diff([]string{"2XX", "410", "429", "503", "default"}, slices.Sorted(maps.Keys(described.Post.Responses))); diff != "" {
		t.Errorf("%s: responses (-want +got):\n%s", sent.eventType, diff)
	}
}

// decodeObject decodes an object, with numbers as they are written.
func decodeObject(t *testing.T, text string) map[string]any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	decoded, _ := value.(map[string]any)
	return decoded
}
