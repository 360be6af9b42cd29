package souk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// call is a request that a fake shop got.
type call struct {
	method, path, key, authorization, body string
}

// fake is a server that records calls and responds by a function.
type fake struct {
	mu    sync.Mutex
	calls []call
	url   string
}

func newFake(t *testing.T, respond func(w http.ResponseWriter, c call, number int)) *fake {
	t.Helper()
	f := &fake{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a client that went away
		c := call{r.Method, r.URL.Path, r.Header.Get("Idempotency-Key"), r.Header.Get("Authorization"), string(body)}
		f.mu.Lock()
		f.calls = append(f.calls, c)
		number := len(f.calls)
		f.mu.Unlock()
		respond(w, c, number)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fake) open(t *testing.T, options Options) *Shop {
	t.Helper()
	options.Retry.Pause = time.Millisecond
	shop, err := Open(f.url, options)
	if err != nil {
		t.Fatal(err)
	}
	return shop
}

func respondJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a client that went away
}

func respondProblem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "0")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"title":"t","status":%d,"code":%q,"detail":"d","errors":[{"location":"body.items[0].quantity","code":"out_of_range","message":"must be 1 or more"}]}`, status, code)
}

func reset(http.ResponseWriter) { panic(http.ErrAbortHandler) }

var order = OrderPlaceRequest{Items: []PlaceItem{{ProductID: uuid.New(), Quantity: 1}}}

func TestKeys(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, _ call, n int) {
		switch n {
		case 1:
			reset(w)
		case 2:
			respondProblem(w, http.StatusBadGateway, "bad_gateway")
		default:
			respondJSON(w, http.StatusCreated, "{}")
		}
	})
	shop := f.open(t, Options{})
	own := "mine"
	for _, params := range []*OrderPlaceParams{{}, {}, {IdempotencyKey: &own}} {
		if _, err := shop.OrderPlaceWithResponse(t.Context(), params, order); err != nil {
			t.Fatal(err)
		}
	}
	keys := []string{}
	for _, c := range f.calls {
		keys = append(keys, c.key)
		if c.body != f.calls[0].body || !strings.Contains(c.body, "quantity") {
			t.Errorf("the body is %s", c.body)
		}
	}
	if len(keys) != 5 || keys[0] == "" || keys[1] != keys[0] || keys[2] != keys[0] || keys[3] == keys[0] || keys[4] != "mine" {
		t.Errorf("the keys are %q", keys)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	checkout := func(ctx context.Context, shop *Shop) error {
		_, err := shop.CheckoutCreateWithResponse(ctx, CheckoutContent{})
		return err
	}
	list := func(ctx context.Context, shop *Shop) error {
		_, err := shop.ProductListWithResponse(ctx, &ProductListParams{})
		return err
	}
	tags := func(ctx context.Context, shop *Shop) error {
		_, err := shop.OrderTagsWithResponse(ctx, uuid.New(), &OrderTagsParams{IfMatch: `"1"`}, OrderTagsRequest{Tags: []string{"gift"}})
		return err
	}
	for name, test := range map[string]struct {
		send    func(context.Context, *Shop) error
		fail    func(http.ResponseWriter)
		retried bool
	}{
		"a refused request":                 {checkout, func(w http.ResponseWriter) { respondProblem(w, http.StatusServiceUnavailable, "overloaded") }, true},
		"a limited request":                 {checkout, func(w http.ResponseWriter) { respondProblem(w, http.StatusTooManyRequests, "too_many_requests") }, true},
		"a lost change without a key":       {checkout, reset, false},
		"a change that may have an effect":  {checkout, func(w http.ResponseWriter) { respondProblem(w, http.StatusBadGateway, "bad_gateway") }, false},
		"a lost change of a version":        {tags, reset, false},
		"a lost read":                       {list, reset, true},
		"a read that is not to be repeated": {list, func(w http.ResponseWriter) { respondProblem(w, http.StatusBadRequest, "invalid_request") }, false},
	} {
		t.Run(name+" is sent again or is not", func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(w http.ResponseWriter, _ call, n int) {
				if n == 1 {
					test.fail(w)
					return
				}
				respondJSON(w, http.StatusOK, `{"items":[]}`)
			})
			err := test.send(t.Context(), f.open(t, Options{}))
			if retried := len(f.calls) == 2; retried != test.retried || (err == nil) != test.retried {
				t.Errorf("%d calls, %v", len(f.calls), err)
			}
		})
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(w http.ResponseWriter, _ call, _ int) {
		respondProblem(w, http.StatusServiceUnavailable, "overloaded")
	})
	_, err := f.open(t, Options{Retry: Retry{Attempts: 3}}).ProductListWithResponse(t.Context(), &ProductListParams{})
	p, isProblem := errors.AsType[*Problem](err)
	if !isProblem || p.Status != http.StatusServiceUnavailable || p.Code != "overloaded" || !HasCode(err, "overloaded") || len(f.calls) != 3 {
		t.Errorf("%d calls, %v", len(f.calls), err)
	}
	if e, found := p.Field("body.items"); !found || e.Code != "out_of_range" {
		t.Errorf("the error of the field is %v", e)
	}
	if _, found := p.Field("body.item"); found {
		t.Error("body.item has an error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.open(t, Options{}).ProductListWithResponse(ctx, &ProductListParams{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// issuer responds like a shop whose access tokens are a1, a2, …, of which only the newest is valid.
type issuer struct {
	mu     sync.Mutex
	issued int
	lost   int // the number of the refresh whose response is lost
}

func (i *issuer) respond(w http.ResponseWriter, c call, _ int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case strings.HasPrefix(c.path, "/v1/sessions"):
		i.issued++
		if i.issued == i.lost {
			reset(w)
		}
		respondJSON(w, http.StatusCreated, fmt.Sprintf(`{"accessToken":"a%d","refreshToken":"r%[1]d","expiresIn":900,"tokenType":"Bearer"}`, i.issued))
	case c.authorization != "" && c.authorization != fmt.Sprintf("Bearer a%d", i.issued):
		respondProblem(w, http.StatusUnauthorized, "token_revoked")
	default:
		respondJSON(w, http.StatusOK, `{"items":[]}`)
	}
}

func (f *fake) refreshes() (bodies []string) {
	for _, c := range f.calls {
		if c.path == "/v1/sessions/refresh" {
			bodies = append(bodies, c.body)
		}
	}
	return bodies
}

func TestSession(t *testing.T) {
	t.Parallel()
	spend := func(t *testing.T, shop *Shop) {
		t.Helper()
		var requests sync.WaitGroup
		for range 20 {
			requests.Go(func() {
				if _, err := shop.OrderListWithResponse(t.Context(), &OrderListParams{}); err != nil {
					t.Error(err)
				}
			})
		}
		requests.Wait()
	}
	t.Run("requests share one refresh, and it is repeated if its response is lost", func(t *testing.T) {
		t.Parallel()
		i := &issuer{lost: 2}
		f := newFake(t, i.respond)
		shop := f.open(t, Options{})
		if err := shop.SignIn(t.Context(), "amira@example.com", "seven green lanterns"); err != nil {
			t.Fatal(err)
		}
		tokens, _ := shop.Tokens()
		shop.SetTokens(tokens) // whose age is unknown
		spend(t, shop)
		if got := f.refreshes(); !slices.Equal(got, []string{`{"refreshToken":"r1"}`, `{"refreshToken":"r1"}`}) {
			t.Errorf("the refreshes are %q", got)
		}
	})
	t.Run("a revoked token is replaced", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, (&issuer{}).respond)
		shop := f.open(t, Options{})
		if err := shop.SignIn(t.Context(), "amira@example.com", "seven green lanterns"); err != nil {
			t.Fatal(err)
		}
		shop.transport.session.begin(Tokens{AccessToken: "revoked", RefreshToken: "r1", ExpiresIn: 900}, time.Now())
		spend(t, shop)
		if got := f.refreshes(); len(got) != 1 {
			t.Errorf("the refreshes are %q", got)
		}
	})
	t.Run("public operations get no token, and a guest's is sent as it is", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, func(w http.ResponseWriter, _ call, _ int) { respondJSON(w, http.StatusOK, `{"items":[]}`) })
		shop := f.open(t, Options{Token: "souk_checkout_1"})
		_, publicErr := shop.ProductListWithResponse(t.Context(), &ProductListParams{})
		_, err := shop.OrderListWithResponse(t.Context(), &OrderListParams{})
		if err != nil || publicErr != nil || f.calls[0].authorization != "" || f.calls[1].authorization != "Bearer souk_checkout_1" {
			t.Errorf("%v, %v, %+v", publicErr, err, f.calls)
		}
	})
	t.Run("a code completes a sign-in, and a request that needs a new one refreshes nothing", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, func(w http.ResponseWriter, c call, _ int) {
			switch c.path {
			case "/v1/sessions":
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"title":"t","status":401,"code":"second_factor_required","detail":"d","challenge":"c1"}`)
			case "/v1/sessions/confirm":
				respondJSON(w, http.StatusCreated, `{"accessToken":"a1","refreshToken":"r1","expiresIn":900,"tokenType":"Bearer"}`)
			default:
				w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", max_age="300"`)
				respondProblem(w, http.StatusUnauthorized, "recent_login_required")
			}
		})
		shop := f.open(t, Options{})
		p, isProblem := errors.AsType[*Problem](shop.SignIn(t.Context(), "amira@example.com", "seven green lanterns"))
		if !isProblem || p.Code != "second_factor_required" || p.Challenge != "c1" {
			t.Fatalf("the sign-in is %v", p)
		}
		if err := shop.ConfirmSignIn(t.Context(), p.Challenge, "287082"); err != nil {
			t.Fatal(err)
		}
		_, err := shop.RecoveryCodeCreateWithResponse(t.Context())
		if tokens, _ := shop.Tokens(); !HasCode(err, "recent_login_required") || tokens.AccessToken != "a1" || len(f.refreshes()) != 0 {
			t.Errorf("%v, with the tokens %+v and the refreshes %q", err, tokens, f.refreshes())
		}
	})
	t.Run("a session that the shop has ended is removed", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, func(w http.ResponseWriter, c call, _ int) {
			code := map[bool]string{true: "invalid_refresh_token", false: "token_revoked"}[strings.HasSuffix(c.path, "refresh")]
			respondProblem(w, http.StatusUnauthorized, code)
		})
		shop := f.open(t, Options{})
		shop.transport.session.begin(Tokens{AccessToken: "a", RefreshToken: "r", ExpiresIn: 900}, time.Now())
		_, err := shop.OrderListWithResponse(t.Context(), &OrderListParams{})
		if _, exists := shop.Tokens(); !HasCode(err, "token_revoked") || exists {
			t.Errorf("%v, and the session exists: %v", err, exists)
		}
	})
}

func TestItems(t *testing.T) {
	t.Parallel()
	pages := map[string][]int{"": {1, 2}, "b": {3}}
	var got []int
	for item, err := range Items(func(token string) ([]int, string, error) {
		return pages[token], map[string]string{"": "b"}[token], nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item)
	}
	if !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "shop.example", "ftp://shop.example", "http://"} {
		if _, err := Open(bad, Options{}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
