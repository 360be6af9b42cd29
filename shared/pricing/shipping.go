package pricing

import "strings"

// Zone is a set of areas with the same shipping methods. A destination belongs to the zone
// with the most specific area that contains it, even if that zone has no methods: so a shop
// excludes an island from its country. A longer postal-code prefix is more specific than a
// shorter or none; then an area with a region; then an area with a country. Among equals, the
// first of the settings is chosen.
type Zone struct {
	Name    string   `json:"name" minLength:"1" maxLength:"200" example:"Germany"`
	Areas   []Area   `json:"areas" minItems:"1" maxItems:"100" doc:"The zone with the most specific area is that of an address: a longer postalPrefix, then a region, then a country; an area without any is the world."`
	Methods []Method `json:"methods,omitempty" maxItems:"10" doc:"Without methods the shop does not ship to the zone."`
}

// Area is a part of the world.
type Area struct {
	Country      string `json:"country,omitempty" pattern:"^[A-Z]{2}$" patternDescription:"a country code of two capital letters" doc:"ISO 3166-1 alpha-2 code. Without it: every country." example:"DE"` // ISO 3166-1 alpha-2 code; "" is every country
	Region       string `json:"region,omitempty" maxLength:"100" doc:"Without it: every region of the country." example:"Brandenburg"`                                                                    // "" is every region of the country
	PostalPrefix string `json:"postalPrefix,omitempty" maxLength:"20" doc:"The beginning of the postal codes. Spaces and hyphens are ignored." example:"14"`                                              // "" is every postal code
}

// Basis is what the tiers of a shipping method are compared with.
type Basis string

// The bases of shipping methods.
const (
	Flat     Basis = "flat"   // one price
	ByTotal  Basis = "total"  // the lines after discounts, minor units
	ByWeight Basis = "weight" // the lines' weight, grams
)

// Method is a way of shipping to a zone, and its price.
type Method struct {
	ID       string `json:"id" minLength:"1" maxLength:"64" doc:"It is unique in the zone. Orders name it as shippingMethod." example:"standard"` // unique in the zone; zones may have methods of the same id
	Name     string `json:"name" minLength:"1" maxLength:"200" example:"Parcel, 2 to 3 days"`
	TaxClass string `json:"taxClass,omitempty" maxLength:"32" doc:"The tax class of the shipping charge. Without it: the standard class." example:"reduced"` // "" is the standard class
	Basis    Basis  `json:"basis" enum:"flat,total,weight" doc:"What the bounds of tiers are compared with: nothing, the items after discounts in minor units, or their weight in grams." example:"flat"`
	// Tiers are the prices in ascending order. The first whose bound is not exceeded applies.
	// The method is not available beyond the last bound.
	Tiers []Tier `json:"tiers" minItems:"1" maxItems:"10" doc:"The prices in ascending order of their bounds. The first whose bound is not exceeded applies; beyond the last the method is not available."`
	// FreeFrom is the sum of the lines after discounts from which shipping is free; 0 is never.
	FreeFrom int64 `json:"freeFrom,omitempty" minimum:"0" maximum:"9007199254740991" doc:"The sum of the items after discounts, in minor units, from which the method is free. 0 is never." example:"5000"`
}

// Tier is the price of a shipping method up to a bound.
type Tier struct {
	UpTo  int64 `json:"upTo,omitempty" minimum:"0" maximum:"9007199254740991" doc:"The inclusive bound; none in the last tier is without bound." example:"2000"` // inclusive; 0, in the last tier, is without bound
	Price int64 `json:"price" minimum:"0" maximum:"9007199254740991" doc:"Minor units of the shop's currency." example:"490"`                                    // minor units, with or without tax as Settings.PricesIncludeTax says
}

// ShippingProblem is the reason for which a quote has no shipping. Its values are stable.
type ShippingProblem string

// The reasons for which a quote has no shipping.
const (
	NoAddress         ShippingProblem = "no_address"           // the destination is unknown
	NoZone            ShippingProblem = "no_zone"              // the shop does not ship to the destination
	NoMethod          ShippingProblem = "no_method"            // no method there takes these lines
	NotChosen         ShippingProblem = "not_chosen"           // choose one of the options
	MethodUnavailable ShippingProblem = "method_not_available" // the chosen method is not an option
)

// Shipping is the shipping of a quote. Its charge is zero if there is a problem.
type Shipping struct {
	Method string `json:"method,omitempty"` // id of the chosen method; "" if there is a problem
	Name   string `json:"name,omitempty"`
	Charge
	Problem ShippingProblem  `json:"problem,omitempty"` // "" if there is none
	Options []ShippingOption `json:"options,omitempty"`
}

// ShippingOption is a method that can be chosen, with its price before discounts, in minor units.
type ShippingOption struct {
	Method string `json:"method"` // id
	Name   string `json:"name"`
	Amount int64  `json:"amount"`
}

// ship fills in the options and, unless there is a problem, the chosen method before its
// discount and tax. It returns the tax class of the method.
func (s *Shipping) ship(cart *Cart, zones []Zone, total, weight int64) (taxClass string) {
	if cart.Destination.Country == "" {
		s.Problem = NoAddress
		return ""
	}
	zone := findZone(zones, cart.Destination)
	if zone == nil {
		s.Problem = NoZone
		return ""
	}
	for i := range zone.Methods {
		method := &zone.Methods[i]
		price, available := method.price(total, weight)
		if !available {
			continue
		}
		s.Options = append(s.Options, ShippingOption{Method: method.ID, Name: method.Name, Amount: price})
		if method.ID == cart.ShippingMethod {
			s.Method, s.Name, s.Amount, taxClass = method.ID, method.Name, price, method.TaxClass
		}
	}
	switch {
	case s.Method != "":
	case len(s.Options) == 0:
		s.Problem = NoMethod
	case cart.ShippingMethod == "":
		s.Problem = NotChosen
	default:
		s.Problem = MethodUnavailable
	}
	return taxClass
}

// price returns the price for lines of a total (minor units) and a weight (grams), and reports
// whether the method is available for them.
func (m *Method) price(total, weight int64) (price int64, available bool) {
	measure := int64(0)
	switch m.Basis {
	case ByTotal:
		measure = total
	case ByWeight:
		measure = weight
	}
	for _, tier := range m.Tiers {
		if tier.UpTo != 0 && measure > tier.UpTo {
			continue
		}
		if m.FreeFrom != 0 && total >= m.FreeFrom {
			return 0, true
		}
		return tier.Price, true
	}
	return 0, false
}

// findZone returns the zone with the most specific area that contains a destination, or nil.
func findZone(zones []Zone, to Destination) *Zone {
	var found *Zone
	best := -1
	for i := range zones {
		for _, area := range zones[i].Areas {
			if rank := area.specificity(); rank > best && area.contains(to) {
				found, best = &zones[i], rank
			}
		}
	}
	return found
}

// contains reports whether a destination is in the area.
func (a Area) contains(to Destination) bool {
	return to.isIn(a.Country, a.Region) && strings.HasPrefix(foldPostalCode(to.PostalCode), foldPostalCode(a.PostalPrefix))
}

// specificity returns the rank of the area: see Zone.
func (a Area) specificity() int {
	rank := 4 * len(foldPostalCode(a.PostalPrefix))
	if a.Region != "" {
		rank += 2
	}
	if a.Country != "" {
		rank++
	}
	return rank
}
