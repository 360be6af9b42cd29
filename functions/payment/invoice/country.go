package invoice

import (
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// countryName returns the English name of a country, or its code if it has none.
func countryName(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	if name := display.English.Regions().Name(region); name != "" {
		return name
	}
	return code
}
