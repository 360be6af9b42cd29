package functions_test

import (
	"reflect"
	"slices"
	"testing"

	"souk/functions"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/event"
	"souk/shared/function"
)

// TestConsumers fails when a function reads of an event what its publisher does
// not say that it tells.
func TestConsumers(t *testing.T) {
	t.Parallel()
	runtime := function.NewRuntime(nil, nil, clock.System, environment(t), auth.Config{}, auth.PushConfig{})
	read := 0
	for _, service := range functions.Manifest().Services() {
		written, err := services[service].build(runtime)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range written {
			entry, _ := functions.Manifest().Function(f.Name)
			for _, topic := range entry.Events {
				by := publishers()[topic]
				publisher, _ := functions.Manifest().Function(by[0])
				told := MustEventSchema(t, payloadOf(t, publisher.Service, topic))
				for _, fault := range unread(f.Name, schemaPart{MustEventSchema(t, f.Payload), nil}, schemaPart{told, nil}) {
					t.Errorf("%s is read of %s, but %s does not tell it so", fault, topic, publisher.Name)
				}
				read++
			}
		}
	}
	if read < 5 {
		t.Errorf("only %d consumers were looked at", read)
	}
}

func MustEventSchema(t *testing.T, payload reflect.Type) map[string]any {
	t.Helper()
	schema, err := event.Schema(payload)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// schemaPart is a part of a schema, with the definitions that it may refer to.
type schemaPart struct{ schema, definitions map[string]any }

// part returns a part of the part, with what it refers to in its place.
func (p schemaPart) part(schema any) schemaPart {
	part, _ := schema.(map[string]any)
	definitions := p.definitions
	if definitions == nil {
		definitions, _ = p.schema["$defs"].(map[string]any)
	}
	if name, is := part["$ref"].(string); is {
		part, _ = definitions[name[len("#/$defs/"):]].(map[string]any)
	}
	return schemaPart{part, definitions}
}

// unread names what a consumer reads that the publisher's schema has not, or has
// as something else.
func unread(path string, reads, told schemaPart) []string {
	if told.schema == nil || !reflect.DeepEqual(reads.schema["type"], told.schema["type"]) || !reflect.DeepEqual(reads.schema["format"], told.schema["format"]) {
		return []string{path}
	}
	var faults []string
	if items, has := reads.schema["items"]; has {
		faults = unread(path+"[]", reads.part(items), told.part(told.schema["items"]))
	}
	properties, _ := reads.schema["properties"].(map[string]any)
	toldOf, _ := told.schema["properties"].(map[string]any)
	for name, property := range properties {
		faults = append(faults, unread(path+"."+name, reads.part(property), told.part(toldOf[name]))...)
	}
	return faults
}

// What a test's publisher tells, and what its consumers read of it.
type (
	toldThing struct {
		Name  string     `json:"name"`
		Items []toldItem `json:"items"`
	}
	toldItem struct {
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

func TestUnread(t *testing.T) {
	t.Parallel()
	for name, reader := range map[string]struct {
		payload any
		faults  []string
	}{
		"less is right":         {readsLess{}, nil},
		"more is found":         {readsMore{}, []string{"it.colour"}},
		"another type is found": {readsOther{}, []string{"it.items[].count"}},
	} {
		t.Run("a consumer that reads "+name, func(t *testing.T) {
			t.Parallel()
			reads := schemaPart{MustEventSchema(t, reflect.TypeOf(reader.payload)), nil}
			told := schemaPart{MustEventSchema(t, reflect.TypeFor[toldThing]()), nil}
			if got := unread("it", reads, told); !slices.Equal(got, reader.faults) {
				t.Errorf("got %v, want %v", got, reader.faults)
			}
		})
	}
}
