package user

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"souk/shared/config"
	"souk/shared/function/functiontest"
)

// orderService is what user-export sees of the rest of the shop.
type orderService struct {
	*httptest.Server
	mu    sync.Mutex
	asked []*http.Request
	// answer says what comes back for the page of a token.
	answer func(w http.ResponseWriter, token string)
}

func newOrderService(t *testing.T, answer func(w http.ResponseWriter, token string)) *orderService {
	t.Helper()
	o := &orderService{answer: answer}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.asked = append(o.asked, r)
		o.mu.Unlock()
		o.answer(w, r.URL.Query().Get("pageToken"))
	}))
	t.Cleanup(o.Close)
	return o
}

// requests returns what was asked so far.
func (o *orderService) requests() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]*http.Request(nil), o.asked...)
}

// page writes orders that are numbered on from first, and what page comes next.
func page(w io.Writer, next string, first, orders int, padding string) {
	var items []string
	for i := range orders {
		items = append(items, fmt.Sprintf(`{"id":"order %d","padding":"%s"}`, first+i, padding))
	}
	fmt.Fprintf(w, `{"items":[%s],"nextPageToken":%q}`, strings.Join(items, ","), next)
}

func (s server) export(t *testing.T, token string) functiontest.Response {
	t.Helper()
	return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users/me/export", Token: token, Header: map[string]string{
		"X-Request-Id": "request-1", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}})
}

type exported struct {
	storedData
	Orders []struct{ ID, Padding string }
}

func TestExport(t *testing.T) {
	t.Parallel()
	shop := newOrderService(t, func(w http.ResponseWriter, token string) {
		switch token {
		case "":
			page(w, "a/+ b", 0, 3, "")
		default:
			page(w, "", 3, 1, "")
		}
	})
	s := openIn(t, shop.URL+"/")
	u := s.mustRegister(t, "ada@example.com")
	issued := s.mustSignIn(t, "ada@example.com")
	issued = s.mustRefresh(t, issued.RefreshToken)
	s.mustSignIn(t, "ada@example.com")
	a := s.mustKeep(t, issued.AccessToken)
	other := s.mustRegister(t, "other@example.com")
	s.mustKeep(t, s.mustSignIn(t, "other@example.com").AccessToken)

	answer := s.export(t, issued.AccessToken).MustBe(t, http.StatusOK)
	var document exported
	answer.Into(t, &document)
	t.Run("is everything of the caller, and of nobody else", func(t *testing.T) {
		t.Parallel()
		if document.Account != u || len(document.Addresses) != 1 || document.Addresses[0] != a || document.ExportedAt.IsZero() {
			t.Errorf("got %+v", document)
		}
		if len(document.Sessions) != 2 || !document.Sessions[1].SignedInAt.Before(document.Sessions[1].RefreshedAt) {
			t.Errorf("the logins are %+v, want two, of which the first was refreshed", document.Sessions)
		}
		if n := document.Networks; len(n) != 1 || len(n[0].Hash) != 64 || n[0].SeenAt.IsZero() {
			t.Errorf("the networks are %+v, want the one of both logins", n)
		}
		if len(document.Orders) != 4 || document.Orders[0].ID != "order 0" || document.Orders[3].ID != "order 3" {
			t.Errorf("the orders are %+v", document.Orders)
		}
		for _, secret := range []string{other.ID.String(), issued.RefreshToken, issued.AccessToken, "argon2", "passwordHash"} {
			if strings.Contains(string(answer.Body), secret) {
				t.Errorf("%s is in it", secret)
			}
		}
	})
	t.Run("is a download that nobody keeps", func(t *testing.T) {
		t.Parallel()
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "Content-Disposition": `attachment; filename="souk-export.json"`,
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})
	t.Run("asks for the orders as the caller, in the same request and trace", func(t *testing.T) {
		t.Parallel()
		asked := shop.requests()
		if len(asked) != 2 {
			t.Fatalf("%d requests, want 2", len(asked))
		}
		for _, r := range asked {
			query := r.URL.Query()
			if r.URL.Path != "/v1/orders" || query.Get("userId") != u.ID.String() || query.Get("pageSize") != "100" {
				t.Errorf("asked %s", r.URL)
			}
			if r.Header.Get("Authorization") != "Bearer "+issued.AccessToken || r.Header.Get("X-Request-Id") != "request-1" ||
				!strings.HasPrefix(r.Header.Get("Traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-") {
				t.Errorf("asked with %v", r.Header)
			}
		}
		if got := asked[1].URL.Query().Get("pageToken"); got != "a/+ b" {
			t.Errorf("the second page's token is %q", got)
		}
	})
	t.Run("is for who is signed in", func(t *testing.T) {
		t.Parallel()
		s.export(t, "").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		_, stranger := s.Tokens.Customer(t)
		s.export(t, stranger).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// Whatever the order service does, no half of an export looks like a whole.
func TestExportWithoutOrders(t *testing.T) {
	t.Parallel()
	const revoked = "takes the token for invalid"
	errs := map[string]func(w http.ResponseWriter){
		"is down":                       func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"fails":                         func(w http.ResponseWriter) { http.Error(w, "no", http.StatusInternalServerError) },
		"is busy":                       func(w http.ResponseWriter) { http.Error(w, "no", http.StatusTooManyRequests) },
		revoked:                         func(w http.ResponseWriter) { http.Error(w, "no", http.StatusUnauthorized) },
		"answers something else":        func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		"breaks off":                    func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"items":[{"id":`) },
		"sends the token elsewhere":     func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(http.StatusFound) },
		"says the same page comes next": func(w http.ResponseWriter) { page(w, "second", 0, 1, "") },
	}
	for name, fault := range errs {
		for _, pages := range []int{0, 1} {
			t.Run(fmt.Sprintf("that %s after %d pages is a problem", name, pages), func(t *testing.T) {
				t.Parallel()
				shop := newOrderService(t, func(w http.ResponseWriter, token string) {
					if token == "" && pages == 1 {
						page(w, "second", 0, 3, "")
						return
					}
					fault(w)
				})
				s := openIn(t, shop.URL)
				answer := s.export(t, s.mustOwner(t, "ada@example.com"))
				if name == revoked { // since this request began: to try again would not help
					answer.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
				} else if answer.MustBeProblem(t, http.StatusServiceUnavailable, "unavailable"); answer.Header.Get("Retry-After") == "" {
					t.Error("it does not say when to come again")
				}
				if answer.Header.Get("Content-Disposition") != "" {
					t.Error("the problem is a download")
				}
			})
		}
	}
}

// What is too long to hold back is sent while it is made, whole or visibly not.
func TestLongExport(t *testing.T) {
	t.Parallel()
	const pages = 12 // of a megabyte
	padding := strings.Repeat("x", 10_000)
	serve := func(until int) *orderService {
		return newOrderService(t, func(w http.ResponseWriter, token string) {
			n := 0
			_, _ = fmt.Sscan(token, &n)
			if n == until {
				http.Error(w, "no", http.StatusInternalServerError)
				return
			}
			next := ""
			if n+1 < pages {
				next = fmt.Sprint(n + 1)
			}
			page(w, next, n*100, 100, padding)
		})
	}
	t.Run("comes whole", func(t *testing.T) {
		t.Parallel()
		s := openIn(t, serve(-1).URL)
		var document exported
		s.export(t, s.mustOwner(t, "ada@example.com")).MustBe(t, http.StatusOK).Into(t, &document)
		if len(document.Orders) != pages*100 || document.Orders[1199].ID != "order 1199" {
			t.Errorf("%d orders came", len(document.Orders))
		}
	})
	t.Run("is cut off where the orders end too early", func(t *testing.T) {
		t.Parallel()
		s := openIn(t, serve(pages-1).URL)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/users/me/export", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.mustOwner(t, "ada@example.com"))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil || json.Valid(text) {
			t.Errorf("%d bytes came, and look whole: %v", len(text), err)
		}
		if len(text) < exportBuffer {
			t.Errorf("only %d bytes came before", len(text))
		}
	})
}

func TestExportNeedsTheShopsAddress(t *testing.T) {
	t.Parallel()
	good := config.Environment{"SHOP_URL": "https://shop.example.com", "K_SERVICE": "user-export"}
	for name, c := range map[string]struct {
		variable, value string
		fault           bool
	}{
		"an address":                    {"SHOP_URL", "https://shop.example.com", false},
		"none":                          {"SHOP_URL", "", true},
		"no URL":                        {"SHOP_URL", "shop.example.com", true},
		"a URL of something else":       {"SHOP_URL", "ftp://shop.example.com", true},
		"one in the clear on Cloud Run": {"SHOP_URL", "http://shop.example.com", true},
		"one with a query":              {"SHOP_URL", "https://shop.example.com?a=b", true},
		"one in the clear on a laptop":  {"K_SERVICE", "", false},
	} {
		environment := maps.Clone(good)
		if c.variable == "K_SERVICE" {
			environment["SHOP_URL"] = "http://127.0.0.1:8080"
		}
		environment[c.variable] = c.value
		settings, err := config.Load[exportSettings](environment)
		if err == nil {
			_, err = newShop(settings)
		}
		if (err != nil) != c.fault || err != nil && !strings.Contains(err.Error(), "SHOP_URL") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
