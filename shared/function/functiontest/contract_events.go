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

// closeObjects changes a schema to refuse members that it does not define.
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

// CheckPublished returns an error if a publisher must not publish an event.
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

// CheckDelivered returns an error if a consumer need not accept an event. It accepts events
// without a schema, such as the ticks of the scheduler.
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
		return fmt.Errorf("%s %s does not match events/%s.schema.json: %w", e.Type, e.ID, e.Type, err)
	}
	return nil
}
