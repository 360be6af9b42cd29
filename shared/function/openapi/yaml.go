package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"go.yaml.in/yaml/v3"
)

// YAML returns a document as YAML, with the keys of mappings in the order of firstKeys.
func YAML(document *huma.OpenAPI) ([]byte, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("marshal the document: %w", err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil { // JSON is YAML
		return nil, fmt.Errorf("marshal the document: %w", err)
	}
	arrange(&node)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return nil, fmt.Errorf("marshal the document: %w", err)
	}
	return out.Bytes(), nil
}

// firstKeys are the first keys of every mapping, in this order. All other keys follow by
// name.
var firstKeys = []string{
	"openapi", "info", "servers", "tags", "paths", "operationId", "name", "in", "title", "summary", "description",
	"required", "security", "parameters", "requestBody", "responses", "headers", "content", "type", "format", "schema",
}

// arrange sorts the keys of mappings, and replaces the flow style of JSON by the block style.
func arrange(node *yaml.Node) {
	node.Style = 0
	for _, part := range node.Content {
		arrange(part)
	}
	if node.Kind != yaml.MappingNode {
		return
	}
	pairs := slices.Collect(slices.Chunk(node.Content, 2))
	// patternDescription is huma's, for the texts of errors: OpenAPI has no such keyword.
	pairs = slices.DeleteFunc(pairs, func(pair []*yaml.Node) bool { return pair[0].Value == "patternDescription" })
	slices.SortStableFunc(pairs, func(a, b []*yaml.Node) int { return cmp.Compare(rank(a[0].Value), rank(b[0].Value)) })
	node.Content = slices.Concat(pairs...)
}

func rank(key string) int {
	if at := slices.Index(firstKeys, key); at >= 0 {
		return at
	}
	return len(firstKeys)
}
