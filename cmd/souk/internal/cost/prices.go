package cost

import (
	_ "embed" // the prices and figures that come with the program
	"errors"
	"fmt"
	"slices"
	"time"

	"souk/shared/strictyaml"
)

//go:embed prices.yaml
var pricesYAML []byte

// Prices are Google's, as prices.yaml explains them.
type Prices struct {
	// Read is the day on which the prices were looked up.
	Read   string           `yaml:"read"`
	Region string           `yaml:"region"`
	Prices map[string]Price `yaml:"prices"`
}

// Price is that of one unit.
type Price struct {
	SKU  string  `yaml:"sku"`
	Unit string  `yaml:"unit"`
	USD  float64 `yaml:"usd"`
	Free float64 `yaml:"free"`
	// Seen is where the price was seen: copy or published.
	Seen string `yaml:"seen"`
	Page string `yaml:"page"`
}

// StandardPrices returns the prices that come with the program.
func StandardPrices() (*Prices, error) { return ParsePrices(pricesYAML) }

// ParsePrices reads prices.yaml. Its error lists all errors.
func ParsePrices(text []byte) (*Prices, error) {
	var p Prices
	if err := strictyaml.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("read the prices: %w", err)
	}
	var errs []error
	if _, err := time.Parse(time.DateOnly, p.Read); err != nil {
		errs = append(errs, errors.New("read: expected the day the prices were looked up, as 2026-11-22"))
	}
	if p.Region == "" || len(p.Prices) == 0 {
		errs = append(errs, errors.New("region and prices are needed"))
	}
	for name, price := range p.Prices {
		if price.USD <= 0 || price.Free < 0 || price.SKU == "" || price.Unit == "" || price.Page == "" || !slices.Contains([]string{"copy", "published", "page"}, price.Seen) {
			errs = append(errs, fmt.Errorf("%s: expected sku, unit, page, seen (copy, published or page), usd above 0 and free of 0 or more", name))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("read the prices: %w", errors.Join(errs...))
	}
	return &p, nil
}
