package payment

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestFieldErrors(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	f.clock.forward(40 * 24 * time.Hour) // It is February 2026.
	valid := url.Values{"number": {CardApproved}, "expiry": {"02/26"}, "cvc": {"123"}}
	for _, test := range []struct{ field, value, text string }{
		{"number", "", "Enter the number of the card."},
		{"number", "4242424242424241", "This is not a card number."},
		{"number", "42424242424", "This is not a card number."},
		{"number", "<script>", "This is not a card number."},
		{"number", "4111111111111111", "Only the test cards"},
		{"expiry", "", "Enter the expiry date"},
		{"expiry", "01/26", "This date is in the past."},
		{"expiry", "13/30", "Enter month and year"},
		{"expiry", `"><script>`, "Enter month and year"},
		{"cvc", "", "Enter the security code"},
		{"cvc", "12", "three digits"},
		{"cvc", "1234", "three digits"},
		{"cvc", "12a", "three digits"},
	} {
		c := f.newCustomer(Manual)
		form := maps.Clone(valid)
		form.Set(test.field, test.value)
		status, _, body := c.request(c.page, form, nil)
		field := regexp.MustCompile(`aria-invalid="true" aria-describedby="` + test.field + `-error"\s+autofocus>\s+<p class="error" id="` + test.field + `-error">([^<]*)<`)
		found := field.FindStringSubmatch(body)
		if status != http.StatusUnprocessableEntity || found == nil || !strings.Contains(found[1], test.text) || strings.Count(body, `class="error"`) != 1 {
			t.Errorf("%s %q: status %d: %s", test.field, test.value, status, body)
		}
		if strings.Contains(body, form.Get("number")) && form.Get("number") != "" && test.value != "<script>" || strings.Contains(body, `value="123"`) {
			t.Errorf("%s %q: the number or the code is shown again", test.field, test.value)
		}
		if p := f.mustGet(c.path); p.Version != 1 {
			t.Errorf("%s %q: version %d", test.field, test.value, p.Version)
		}
		c.mustGo(c.page, valid, c.returned())
	}
}

func TestLuhn(t *testing.T) {
	t.Parallel()
	for _, c := range TestCards() {
		if !luhn(c.Number) || len(c.Number) != 16 {
			t.Errorf("%s does not pass", c.Number)
		}
		for i := range c.Number {
			changed := []byte(c.Number)
			changed[i] = '0' + (changed[i]-'0'+1)%10
			if luhn(string(changed)) {
				t.Errorf("%s passes", changed)
			}
		}
	}
	if !luhn("79927398713") {
		t.Error("the example of the algorithm does not pass")
	}
}
