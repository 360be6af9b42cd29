package vatnumber

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"DE123456789": "DE123456789", "de 123 456 789": "DE123456789", "ATU12345678": "ATU12345678", "BE0123.456.789": "BE0123456789",
		"FR12 345678901": "FR12345678901", "ESX1234567X": "ESX1234567X", "ES12345678Z": "ES12345678Z", "IE1234567WA": "IE1234567WA",
		"NL123456789B01": "NL123456789B01", "EL123456789": "EL123456789", "XI123456789": "XI123456789", "GBGD001": "GBGD001",
		"CHE-123.456.789 MWST": "CHE123456789MWST", "NO123456789MVA": "NO123456789MVA", "SE123456789001": "SE123456789001",
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "DE", "D", "123456789", "DE12345678", "DE1234567890", "GR123456789", "US123456789", "DEÄ23456789", "\xff\xfe\xfd",
		"DE123456789\x00", "DE١٢٣٤٥٦٧٨٩", "AT12345678", "FRO1123456789", strings.Repeat("DE123456789", 1000),
	} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q: got %q, want an error", text, got)
		}
	}
}
