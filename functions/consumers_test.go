package functions_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"souk/functions"
	"souk/shared/function"
	"souk/shared/function/openapi"
)

// TestConsumers requires that every field of an event that a function reads is in the
// schema of its publisher.
func TestConsumers(t *testing.T) {
	t.Parallel()
	runtime := function.NewRuntime(function.Options{Environment: environment(t)})
	consumers := 0
	for _, service := range functions.Manifest().Services() {
		registered, err := services[service].Build(runtime)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range registered {
			entry, _ := functions.Manifest().Function(f.Name)
			if len(entry.Events) == 0 {
				continue
			}
			reads := mustEventSchema(t, f.Payload)
			optional := optionalFields(f.Name, reads)
			missing := map[string]int{}
			for _, topic := range entry.Events {
				publisher := functions.Manifest().Publishers()[topic][0]
				published := mustEventSchema(t, payloadType(t, publisher.Service, topic))
				for _, field := range missingFields(f.Name, schemaPart{reads, nil}, schemaPart{published, nil}) {
					// A consumer of several topics may read what only some of them have.
					if missing[field]++; !optional[field] || missing[field] == len(entry.Events) {
						t.Errorf("%s is read of %s, but %s does not publish it with this type", field, topic, publisher.Name)
					}
				}
				consumers++
			}
		}
	}
	if consumers < 5 {
		t.Errorf("only %d consumers were checked", consumers)
	}
}

// optionalFields returns the fields of a payload that a consumer declares as optional (omitzero).
func optionalFields(path string, reads map[string]any) map[string]bool {
	optional := map[string]bool{}
	required, _ := reads["required"].([]any)
	properties, _ := reads["properties"].(map[string]any)
	for name := range properties {
		optional[path+"."+name] = !slices.Contains(required, any(name))
	}
	return optional
}

func mustEventSchema(t *testing.T, payload reflect.Type) map[string]any {
	t.Helper()
	schema, err := openapi.EventSchema(payload)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// schemaPart is a part of a schema, with the definitions that its references name.
type schemaPart struct{ schema, definitions map[string]any }

// part returns a part of p, with references resolved.
func (p schemaPart) part(schema any) schemaPart {
	part, _ := schema.(map[string]any)
	definitions := p.definitions
	if definitions == nil {
		definitions, _ = p.schema["$defs"].(map[string]any)
	}
	if name, isReference := part["$ref"].(string); isReference {
		part, _ = definitions[name[len("#/$defs/"):]].(map[string]any)
	}
	return schemaPart{part, definitions}
}

// missingFields returns the fields that a consumer reads and that the publisher's
// schema lacks, or has with another type.
func missingFields(path string, reads, published schemaPart) []string {
	if published.schema == nil || !cmp.Equal(reads.schema["type"], published.schema["type"]) || !cmp.Equal(reads.schema["format"], published.schema["format"]) {
		return []string{path}
	}
	var fields []string
	if items, ok := reads.schema["items"]; ok {
		fields = missingFields(path+"[]", reads.part(items), published.part(published.schema["items"]))
	}
	properties, _ := reads.schema["properties"].(map[string]any)
	publishedProperties, _ := published.schema["properties"].(map[string]any)
	for name, property := range properties {
		fields = append(fields, missingFields(path+"."+name, reads.part(property), published.part(publishedProperties[name]))...)
	}
	return fields
}

// Payloads of a publisher and of consumers, for TestMissingFields.
type (
	publishedPayload struct {
		Name  string          `json:"name"`
		Items []publishedItem `json:"items"`
	}
	publishedItem struct {
		ID    string `json:"id"`
		Count int    `json:"count"`
	}
	readsLess struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	readsMore struct {
		Name   string `json:"name"`
		Colour string `json:"colour"`
	}
	readsOther struct {
		Items []struct {
			Count string `json:"count"`
		} `json:"items"`
	}
)

func TestMissingFields(t *testing.T) {
	t.Parallel()
	for name, reader := range map[string]struct {
		payload any
		fields  []string
	}{
		"fewer fields is accepted": {readsLess{}, nil},
		"more fields is found":     {readsMore{}, []string{"it.colour"}},
		"another type is found":    {readsOther{}, []string{"it.items[].count"}},
	} {
		t.Run("a consumer that reads "+name, func(t *testing.T) {
			t.Parallel()
			reads := schemaPart{mustEventSchema(t, reflect.TypeOf(reader.payload)), nil}
			published := schemaPart{mustEventSchema(t, reflect.TypeFor[publishedPayload]()), nil}
			if diff := cmp.Diff(reader.fields, missingFields("it", reads, published), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}
