package user

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/trail"
)

// orderService is a fake of the order service.
type orderService struct {
	*httptest.Server
	mu       sync.Mutex
	received []*http.Request
	// respond writes the page of a token.
	respond func(w http.ResponseWriter, token string)
	// respondPayment writes a payment, or a list of invoices.
	respondPayment http.HandlerFunc
}

func newOrderService(t *testing.T, respond func(w http.ResponseWriter, token string)) *orderService {
	t.Helper()
	o := &orderService{respond: respond}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.received = append(o.received, r)
		o.mu.Unlock()
		if r.URL.Path != "/v1/orders" {
			o.respondPayment(w, r)
			return
		}
		o.respond(w, r.URL.Query().Get("pageToken"))
	}))
	t.Cleanup(o.Close)
	return o
}

// requests returns the requests received so far.
func (o *orderService) requests() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]*http.Request(nil), o.received...)
}

// page writes a page of orders, numbered from first, and the token of the next page.
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
	a := s.mustCreateAddress(t, issued.AccessToken)
	other := s.mustRegister(t, "other@example.com")
	s.mustCreateAddress(t, s.mustSignIn(t, "other@example.com").AccessToken)

	response := s.export(t, issued.AccessToken).MustBe(t, http.StatusOK)
	var document exported
	response.Into(t, &document)
	t.Run("it contains all data of the caller, and no data of others", func(t *testing.T) {
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
			if strings.Contains(string(response.Body), secret) {
				t.Errorf("%s is in it", secret)
			}
		}
	})
	t.Run("it is a download that is not cached", func(t *testing.T) {
		t.Parallel()
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "Content-Disposition": `attachment; filename="souk-export.json"`,
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})
	t.Run("orders are requested as the caller, with the same request id and trace", func(t *testing.T) {
		t.Parallel()
		received := shop.requests()
		if len(received) != 2 {
			t.Fatalf("%d requests, want 2", len(received))
		}
		for _, r := range received {
			query := r.URL.Query()
			if r.URL.Path != "/v1/orders" || query.Get("userId") != u.ID.String() || query.Get("pageSize") != "100" {
				t.Errorf("requested %s", r.URL)
			}
			if r.Header.Get("Authorization") != "Bearer "+issued.AccessToken || r.Header.Get("X-Request-Id") != "request-1" ||
				!strings.HasPrefix(r.Header.Get("Traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-") {
				t.Errorf("requested with %v", r.Header)
			}
		}
		if got := received[1].URL.Query().Get("pageToken"); got != "a/+ b" {
			t.Errorf("the second page's token is %q", got)
		}
	})
	t.Run("a caller without an account is rejected", func(t *testing.T) {
		t.Parallel()
		s.export(t, "").MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		_, stranger := s.Tokens.Customer(t)
		s.export(t, stranger).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

// TestExportTrail requires that an export has the changes of the account and those by it, and nothing
// about others.
func TestExportTrail(t *testing.T) {
	t.Parallel()
	s := openIn(t, newOrderService(t, func(w http.ResponseWriter, _ string) { page(w, "", 0, 0, "") }).URL)
	ada, other := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "other@example.com")
	staff := s.Tokens.Admin(t)
	s.mustSetTags(t, staff, ada.ID, "vip")
	s.mustPutRole(t, ada.ID, auth.Owner)
	access := s.mustSignIn(t, ada.Email).AccessToken
	s.mustSetTags(t, access, other.ID, "wholesale")
	created := s.mustCreateRole(t, manifest.OrdersRead)
	response := s.export(t, access).MustBe(t, http.StatusOK)
	var document exported
	response.Into(t, &document)
	var operations []string
	for _, change := range document.Trail {
		operations = append(operations, change.Operation+" by "+string(change.Actor))
	}
	want := []string{"user-tags by staff", "session-create by staff", "user-role by staff", "user-tags by staff", "email-verify by customer"}
	if diff := cmp.Diff(want, operations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, text := range []string{other.ID.String(), "wholesale", string(created.Name)} {
		if strings.Contains(string(response.Body), text) {
			t.Errorf("%s is in the export", text)
		}
	}
}

// TestExportTrailIsBounded requires that an export has the newest changes only.
func TestExportTrailIsBounded(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := uuid.New()
	changes := make([]trail.Change, maxExportedChanges+1)
	for i := range changes {
		changes[i] = trail.Change{Resource: resourceUser, ID: id, After: trail.Fields{"n": i, "text": strings.Repeat("x", 400)}, At: time.Unix(int64(i), 0)}
	}
	if err := s.DB.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error { return trail.Record(ctx, tx, changes...) }); err != nil {
		t.Fatal(err)
	}
	exported, err := readExportedTrail(t.Context(), s.DB, id)
	if err != nil || len(exported) != maxExportedChanges || exported[0].At.Unix() != maxExportedChanges {
		t.Errorf("got %d changes, error %v, want the newest %d", len(exported), err, maxExportedChanges)
	}
}

// TestExportMemory requires that the exports of an instance at the same time fit into a part of its
// memory. A buffer that grows has up to three times its size.
func TestExportMemory(t *testing.T) {
	t.Parallel()
	f, found := functions.Manifest().Function("user-export")
	if !found {
		t.Fatal("there is no user-export")
	}
	scaling := functions.Manifest().ScalingOf(f)
	if need := int64(scaling.Concurrency) * 3 * (exportBuffer + exportedChangesBytes); need > scaling.MemoryBytes()/2 {
		t.Errorf("%d exports at the same time need %d bytes of %s", scaling.Concurrency, need, scaling.Memory)
	}
}

// An incomplete export never looks complete, whatever the order service does.
func TestExportWithoutOrders(t *testing.T) {
	t.Parallel()
	const revoked = "rejects the token"
	failures := map[string]func(w http.ResponseWriter){
		"is down":              func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"fails":                func(w http.ResponseWriter) { http.Error(w, "no", http.StatusInternalServerError) },
		"is busy":              func(w http.ResponseWriter) { http.Error(w, "no", http.StatusTooManyRequests) },
		revoked:                func(w http.ResponseWriter) { http.Error(w, "no", http.StatusUnauthorized) },
		"responds with HTML":   func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		"sends half a page":    func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"items":[{"id":`) },
		"redirects":            func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(http.StatusFound) },
		"repeats a page token": func(w http.ResponseWriter) { page(w, "second", 0, 1, "") },
	}
	for name, fail := range failures {
		for _, pages := range []int{0, 1} {
			t.Run(fmt.Sprintf("an order service that %s after %d pages causes a problem", name, pages), func(t *testing.T) {
				t.Parallel()
				shop := newOrderService(t, func(w http.ResponseWriter, token string) {
					if token == "" && pages == 1 {
						page(w, "second", 0, 3, "")
						return
					}
					fail(w)
				})
				s := openIn(t, shop.URL)
				response := s.export(t, s.mustOwner(t, "ada@example.com"))
				if name == revoked { // after this request began: a retry would not help
					response.MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
				} else if response.MustBeProblem(t, http.StatusServiceUnavailable, "unavailable"); response.Header.Get("Retry-After") == "" {
					t.Error("Retry-After is missing")
				}
				if response.Header.Get("Content-Disposition") != "" {
					t.Error("the problem is a download")
				}
			})
		}
	}
}

// An export that is too long for the buffer is streamed. It is complete or visibly aborted.
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
	t.Run("a long export is complete", func(t *testing.T) {
		t.Parallel()
		s := openIn(t, serve(-1).URL)
		var document exported
		s.export(t, s.mustOwner(t, "ada@example.com")).MustBe(t, http.StatusOK).Into(t, &document)
		if len(document.Orders) != pages*100 || document.Orders[1199].ID != "order 1199" {
			t.Errorf("got %d orders", len(document.Orders))
		}
	})
	t.Run("a long export is aborted if the orders cannot be read", func(t *testing.T) {
		t.Parallel()
		s := openIn(t, serve(pages-1).URL)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/v1/users/me/export", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.mustOwner(t, "ada@example.com"))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil || json.Valid(text) {
			t.Errorf("%d bytes look complete: %v", len(text), err)
		}
		if len(text) < exportBuffer {
			t.Errorf("only %d bytes were sent before", len(text))
		}
	})
}

func TestExportRequiresShopURL(t *testing.T) {
	t.Parallel()
	good := config.Environment{"SHOP_URL": "https://shop.example.com", "K_SERVICE": "user-export"}
	for name, c := range map[string]struct {
		variable, value string
		invalid         bool
	}{
		"a URL":              {"SHOP_URL", "https://shop.example.com", false},
		"no value":           {"SHOP_URL", "", true},
		"no scheme":          {"SHOP_URL", "shop.example.com", true},
		"another scheme":     {"SHOP_URL", "ftp://shop.example.com", true},
		"http on Cloud Run":  {"SHOP_URL", "http://shop.example.com", true},
		"a URL with a query": {"SHOP_URL", "https://shop.example.com?a=b", true},
		"http locally":       {"K_SERVICE", "", false},
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
		if (err != nil) != c.invalid || err != nil && !strings.Contains(err.Error(), "SHOP_URL") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestExportNotes requires that an export has the tags and the notes of the account, and not their authors.
func TestExportNotes(t *testing.T) {
	t.Parallel()
	shop := newOrderService(t, func(w http.ResponseWriter, _ string) { page(w, "", 0, 0, "") })
	s := openIn(t, shop.URL)
	u, other, admin := s.mustRegister(t, "ada@example.com"), s.mustRegister(t, "other@example.com"), s.Tokens.Admin(t)
	first, second := s.mustAddNote(t, admin, u.ID, "pays late"), s.mustAddNote(t, admin, u.ID, "is friendly")
	s.mustAddNote(t, admin, other.ID, "another")
	s.mustSetTags(t, admin, u.ID, "VIP", "late")
	response := s.export(t, s.mustSignIn(t, "ada@example.com").AccessToken).MustBe(t, http.StatusOK)
	var document exported
	response.Into(t, &document)
	want := []exportedNote{{second.Text, second.CreatedAt, second.UpdatedAt}, {first.Text, first.CreatedAt, first.UpdatedAt}}
	if !slices.Equal(document.Notes, want) || !slices.Equal(document.Tags, []string{"VIP", "late"}) || strings.Contains(string(response.Body), first.Author.ID.String()) {
		t.Errorf("the export is %s", response.Body)
	}
}
