package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode returns the manifest as JSON, for Decode.
func (m *Manifest) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "")
	if err != nil {
		return nil, fmt.Errorf("write the list of functions: %w", err)
	}
	return append(text, '\n'), nil
}

// Decode reads a manifest that Encode has written. It does not check it again.
func Decode(text []byte) (*Manifest, error) {
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return nil, fmt.Errorf("read the list of functions: %w", err)
	}
	return &m, nil
}
