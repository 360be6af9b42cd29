package address_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bojanz/currency"
	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/language"

	"souk/shared/address"
	"souk/shared/api"
)

func TestCheckCountry(t *testing.T) {
	t.Parallel()
	codes := address.Countries()
	if len(codes) != 249 || !slices.IsSorted(codes) || len(slices.Compact(slices.Clone(codes))) != 249 {
		t.Fatalf("%d countries, want 249, sorted, each once", len(codes))
	}
	for _, code := range codes {
		if err := address.CheckCountry(code); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		// A second source: CLDR has every country, and some codes that are not countries.
		if region, err := language.ParseRegion(code); err != nil || !region.IsCountry() || region.String() != code {
			t.Errorf("%s is not a country in CLDR: %v", code, err)
		}
	}
	for _, code := range []string{"XX", "AN", "SU", "YU", "UN", "EZ", "XK", "ZZ", "EU", "UK", "DD", "CS", "TP", "FX", "AC", "IC", "XI", "QO", "AA", "", "D", "de", "DEU", "DE "} {
		if address.CheckCountry(code) == nil {
			t.Errorf("%q is accepted", code)
		}
	}
}

// TestCountriesOfCurrencies compares with a third source: every country with a currency is
// accepted. The other territories of CLDR are not countries of ISO 3166-1.
func TestCountriesOfCurrencies(t *testing.T) {
	t.Parallel()
	notISO := map[string]bool{"AC": true, "CP": true, "CQ": true, "DG": true, "EA": true, "EU": true, "IC": true, "TA": true, "XK": true}
	for first := 'A'; first <= 'Z'; first++ {
		for second := 'A'; second <= 'Z'; second++ {
			code := string([]rune{first, second})
			if _, has := currency.ForCountryCode(code); has && !notISO[code] && address.CheckCountry(code) != nil {
				t.Errorf("%s has a currency and is refused", code)
			}
		}
	}
}

func TestPhone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"+493012345678":                    "+493012345678",
		" +49 (30) 1234-5678 ":             "+493012345678",
		"+1.202.555.0143":                  "+12025550143",
		"+44 20/7946 0958":                 "+442079460958",
		"\u202a+49\u00a030 12345678\u202c": "+493012345678", // as copied from an address book
		"+49‑30–12345678":                  "+493012345678",
		"+39 06 698 12345":                 "+390669812345",
		"+6834000":                         "+6834000",
		"+123456789012345":                 "+123456789012345",
	} {
		got, err := address.Phone(in)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
		if again, err := address.Phone(got); err != nil || again != got {
			t.Errorf("%q is not stable: %q, %v", got, again, err)
		}
	}
	for _, in := range []string{
		"", "+", "030 12345678", "0049 30 12345678", "+0 30 12345678", "+123456", "+1234567890123456", "+49 (0) 30 12345678", "+49(0)30 12345678",
		"+49 30 1234 ext. 5", "+٤٩٣٠١٢٣٤٥٦٧٨", "++493012345678", "+49+3012345678", "493012345678", "+49301234\n5678", "+4930123\x005678", "call me",
	} {
		if got, err := address.Phone(in); err == nil {
			t.Errorf("%q is accepted as %q", in, got)
		}
	}
}

func FuzzPhone(f *testing.F) {
	f.Add("+49 (30) 1234-5678")
	f.Add("\u202a+49\u00a030\u202c")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := address.Phone(s)
		if err != nil {
			return
		}
		if again, err := address.Phone(got); err != nil || again != got || len(got) > 16 {
			t.Fatalf("%q: got %q, and of that %q, %v", s, got, again, err)
		}
	})
}

func valid() address.PostalAddress {
	return address.PostalAddress{
		Name: "Amira Haddad", Company: "Haddad Trading", Line1: "12 Market Street", Line2: "Third floor",
		PostalCode: "14467", City: "Potsdam", Region: "Brandenburg", Country: "DE", Phone: "+493311234567",
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if errs := valid().Check(); errs != nil {
		t.Errorf("a valid address: %v", errs)
	}
	short := address.PostalAddress{Name: "李", Line1: "1", City: "香港", Country: "HK"}
	if errs := short.Check(); errs != nil {
		t.Errorf("an address without optional fields: %v", errs)
	}
	// Every field by reflection, so that a new one is tested too.
	for i := range reflect.TypeFor[address.PostalAddress]().NumField() {
		for value, code := range map[string]string{"a\x00b": api.FieldControl, "a\nb": api.FieldControl, " \u00a0": api.FieldBlank, "\xff": api.FieldEncoding} {
			a := valid()
			field := reflect.ValueOf(&a).Elem().Field(i)
			field.SetString(value)
			name := fieldName(t, reflect.TypeOf(a).Field(i))
			if name == "country" || name == "phone" {
				code = api.FieldFormat
			}
			if errs := a.Check(); len(errs) != 1 || errs[0].Location != name || errs[0].Code != code || errs[0].Message == "" {
				t.Errorf("%s %q: got %v, want %s", name, value, errs, code)
			}
			if field.String() != value {
				t.Errorf("Check has changed %s to %q", name, field)
			}
		}
	}
	a := address.PostalAddress{}
	if errs := a.Check(); len(errs) != 4 {
		t.Errorf("an empty address has the errors %v, want those of four required fields", errs)
	}
}

// fieldName returns the JSON name of a field.
func fieldName(t *testing.T, field reflect.StructField) string {
	t.Helper()
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if name == "" {
		t.Fatalf("%s has no name", field.Name)
	}
	return name
}

func TestResolve(t *testing.T) {
	t.Parallel()
	a := valid()
	a.City, a.Phone = "  Potsdam ", "+49 331 123-4567"
	path := huma.NewPathBuffer(make([]byte, 0, 64), 0)
	path.Push("body")
	if errs := a.Resolve(nil, path); errs != nil || a != valid() {
		t.Errorf("got %+v, %v", a, errs)
	}
	a.Country, a.Region = "XX", "a\tb"
	errs := a.Resolve(nil, path)
	if len(errs) != 2 || location(errs[0]) != "body.region" || location(errs[1]) != "body.country" {
		t.Errorf("got %v, want errors of the region and the country", errs)
	}
}

// TestPatch checks that Patch has every field of an address, with the same rules.
func TestPatch(t *testing.T) {
	t.Parallel()
	full, patch := reflect.TypeFor[address.PostalAddress](), reflect.TypeFor[address.Patch]()
	if full.NumField() != patch.NumField() {
		t.Fatalf("an address has %d fields, a patch %d", full.NumField(), patch.NumField())
	}
	for i := range full.NumField() {
		a, p := full.Field(i), patch.Field(i)
		for _, tag := range []string{"minLength", "maxLength", "pattern", "doc", "example"} {
			if a.Tag.Get(tag) != p.Tag.Get(tag) {
				t.Errorf("%s: %s is %q, in the patch %q", a.Name, tag, a.Tag.Get(tag), p.Tag.Get(tag))
			}
		}
		// Optional fields can be cleared, by null and by the empty text.
		if optional := !slices.Contains([]string{"Name", "Line1", "City", "Country"}, a.Name); optional != (p.Tag.Get("nullable") == "true") {
			t.Errorf("%s: optional is %t, nullable %q", a.Name, optional, p.Tag.Get("nullable"))
		}
		value := "+4930" + "7654321"
		var change address.Patch
		reflect.ValueOf(&change).Elem().Field(i).Set(reflect.ValueOf(&value))
		got, want := valid(), valid()
		change.Apply(&got)
		reflect.ValueOf(&want).Elem().Field(i).SetString(value)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a patch of %s (-want +got):\n%s", a.Name, diff)
		}
	}
}

// location returns the location of a field error.
func location(err error) string {
	field, _ := errors.AsType[api.FieldError](err)
	return field.Location
}
