package functiontest

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"souk/shared/event"
)

func (c *contract) readEvents(events fs.FS) error {
	names, err := fs.Glob(events, "events/*.schema.json")
	if err != nil {
		return err
	}
	c.delivered, c.published = map[string]*jsonschema.Schema{}, map[string]*jsonschema.Schema{}
	for _, name := range names {
		text, err := fs.ReadFile(events, name)
		if err != nil {
			return err
		}
		topic := strings.TrimSuffix(strings.TrimPrefix(name, "events/"), ".schema.json")
		if c.delivered[topic], err = compile(topic, text, func(any) {}); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if c.published[topic], err = compile(topic, text, closeObjects); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return nil
}

func compile(topic string, text []byte, change func(schema any)) (*jsonschema.Schema, error) {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	change(schema)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("event:"+topic, schema); err != nil {
		return nil, err
	}
	return compiler.Compile("event:" + topic)
}

// closeObjects makes a schema refuse members that it does not name.
func closeObjects(schema any) {
	switch s := schema.(type) {
	case map[string]any:
		if _, named := s["properties"]; named && s["type"] == "object" && s["additionalProperties"] == nil {
			s["additionalProperties"] = false
		}
		for _, part := range s {
			closeObjects(part)
		}
	case []any:
		for _, part := range s {
			closeObjects(part)
		}
	}
}

// CheckPublished says how an event is not one that its publisher may publish.
func (c *Contract) CheckPublished(e event.Event) error {
	contract, err := c.read()
	if err != nil {
		return err
	}
	schema, known := contract.published[e.Type]
	if !known {
		return fmt.Errorf("%s has no schema: add its topic to Topics of its service and run `make generate`", e.Type)
	}
	return checkPayload(schema, e)
}

// CheckDelivered says how an event is not one that a consumer must take. It has
// nothing against those of no topic, such as the ticks of the scheduler.
func (c *Contract) CheckDelivered(e event.Event) error {
	contract, err := c.read()
	if err != nil {
		return err
	}
	schema, known := contract.delivered[e.Type]
	if !known {
		return nil
	}
	return checkPayload(schema, e)
}

func checkPayload(schema *jsonschema.Schema, e event.Event) error {
	payload, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.Payload))
	if err != nil {
		return fmt.Errorf("read the payload of %s %s: %w", e.Type, e.ID, err)
	}
	if err := schema.Validate(payload); err != nil {
		return fmt.Errorf("%s %s is not what events/%s.schema.json says: %w", e.Type, e.ID, e.Type, err)
	}
	return nil
}
