package openapi_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/openapi"
	"souk/shared/manifest"
	"souk/shared/manifest/manifestfile"
)

const list = `
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: note-get, service: note, http: "GET /v1/notes/{id}", access: anyone}
  - {name: note-list, service: note, http: GET /v1/notes, access: anyone, publishes: [note-read]}
`

type noteInput struct {
	ID string `path:"id"`
}

func getNote(context.Context, *noteInput) (*struct{}, error)  { return nil, nil } //nolint:nilnil // not called
func listNotes(context.Context, *struct{}) (*struct{}, error) { return nil, nil } //nolint:nilnil // not called

// note returns the service of list, whose note-get is registered with options.
func note(topics []event.AnyTopic, get function.Function) openapi.Service {
	return openapi.Service{Name: "note", Topics: topics, Build: func(*function.Runtime) ([]function.Function, error) {
		return []function.Function{get, function.HTTP("note-list", listNotes)}, nil
	}}
}

func mustManifest(t *testing.T) *manifest.Manifest {
	t.Helper()
	m, err := manifestfile.Parse([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestDocument checks the codes of a resource's 404, and that a service or an operation that
// lacks something is named.
func TestDocument(t *testing.T) {
	t.Parallel()
	read := func(manifest.Function, any) (openapi.Documentation, error) {
		return openapi.Documentation{Summary: "Read"}, nil
	}

	t.Run("has the code of the resource that the path identifies", func(t *testing.T) {
		t.Parallel()
		service := note(nil, function.HTTP("note-get", getNote, function.DocumentNotFound("entry")))
		document, err := openapi.Document(mustManifest(t), []openapi.Service{service}, read)
		if err != nil {
			t.Fatal(err)
		}
		responses := document.Paths["/v1/notes/{id}"].Get.Responses
		if got := responses["404"].Description; !strings.HasSuffix(got, "Codes: `entry_not_found`.") {
			t.Errorf("the 404 is %q", got)
		}
		if _, found := document.Paths["/v1/notes"].Get.Responses["404"]; found {
			t.Error("an operation without a resource has a 404")
		}
	})

	for want, services := range map[string][]openapi.Service{
		"document service note: it is in functions.yaml, but has no openapi.Service":                    nil,
		"document note-get: its path identifies a resource: register it with function.DocumentNotFound": {note(nil, function.HTTP("note-get", getNote))},
	} {
		t.Run("is refused: "+want, func(t *testing.T) {
			t.Parallel()
			if _, err := openapi.Document(mustManifest(t), services, read); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestWebhooks checks that a webhook is documented with its own type and data, and that one without a
// payload, or with the name of another, is named.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	type body struct {
		Type string `json:"type"`
		Data any    `json:"data"`
	}
	webhook := func(payload, data reflect.Type) openapi.Webhook {
		return openapi.Webhook{Name: "note.read", Summary: "A note was read", Sent: "Sent to all.", Payload: payload, Data: data, Responses: map[string]string{"2XX": "Accepted."}}
	}
	document := func(webhooks ...openapi.Webhook) (*huma.OpenAPI, error) {
		service := note(nil, function.HTTP("note-get", getNote, function.DocumentNotFound("entry")))
		service.Webhooks = webhooks
		return openapi.Document(mustManifest(t), []openapi.Service{service}, func(manifest.Function, any) (openapi.Documentation, error) {
			return openapi.Documentation{Summary: "Read"}, nil
		})
	}
	valid := webhook(reflect.TypeFor[body](), reflect.TypeFor[payload]())
	documented, err := document(valid)
	if err != nil {
		t.Fatal(err)
	}
	schema := documented.Webhooks["note.read"].Post.RequestBody.Content["application/json"].Schema
	if schema.Properties["type"].Enum[0] != "note.read" || schema.Properties["data"].Properties["name"] == nil || schema.AdditionalProperties != nil {
		t.Errorf("the schema is %+v", schema)
	}
	for want, webhooks := range map[string][]openapi.Webhook{
		"document webhook note.read: it is documented already":                           {valid, valid},
		"openapi_test.payload is not a struct with the members type and data, or ":       {webhook(reflect.TypeFor[payload](), reflect.TypeFor[payload]())},
		"body is not a struct with the members type and data, or string is not a struct": {webhook(reflect.TypeFor[body](), reflect.TypeFor[string]())},
	} {
		if _, err := document(webhooks...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestFiles checks that a topic without a payload and a handler without a comment are named.
func TestFiles(t *testing.T) {
	t.Parallel()
	get := function.HTTP("note-get", getNote, function.DocumentNotFound("note"))
	topics := []event.AnyTopic{event.NewTopic[noteInput]("note-read", "note")}
	for want, service := range map[string]openapi.Service{
		"a function of service note publishes note-read: add it to Topics of the service": note(nil, get),
		"openapi_test.getNote is not a method of a service":                               note(topics, get),
	} {
		if _, err := openapi.Files(mustManifest(t), []openapi.Service{service}, t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestEventSchema checks that a schema lists the members of a payload and allows others.
func TestEventSchema(t *testing.T) {
	t.Parallel()
	if schema, err := openapi.EventSchema(event.NewTopic[int]("note-read", "note").Payload()); err == nil {
		t.Errorf("a payload that is not a struct has the schema %v", schema)
	}
	schema, err := openapi.EventSchema(event.NewTopic[payload]("note-read", "note").Payload())
	if err != nil {
		t.Fatal(err)
	}
	required, _ := schema["required"].([]any)
	if _, closed := schema["additionalProperties"]; closed || !slices.Equal(required, []any{"name"}) {
		t.Errorf("got %v", schema)
	}
}

type payload struct {
	Name string `json:"name"`
}
