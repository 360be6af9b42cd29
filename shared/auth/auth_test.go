package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"souk/shared/manifest"
)

func TestScanRole(t *testing.T) {
	t.Parallel()
	for column, want := range map[any]Role{"admin": Admin, "customer": Customer, "root": Customer, "": Customer, "Admin": Customer} {
		for _, stored := range []any{column, []byte(column.(string))} {
			var got Role
			if err := got.Scan(stored); err != nil || got != want {
				t.Errorf("%q reads as %q, %v, want %q", stored, got, err, want)
			}
		}
	}
	got := Admin
	if err := got.Scan(nil); err == nil {
		t.Errorf("NULL reads as %q", got)
	}
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	type caller struct {
		Principal
		authenticated bool
	}
	anonymous := caller{}
	customer := caller{Principal{Role: Customer}, true}
	admin := caller{Principal{Role: Admin}, true}
	auditor := caller{Principal{Role: "auditor"}, true}
	unauthenticated := caller{Principal{Role: Admin}, false}

	for _, test := range []struct {
		name   string
		access manifest.Access
		caller caller
		want   error
	}{
		{"anyone admits an anonymous caller", manifest.Anyone, anonymous, nil},
		{"anyone admits an account", manifest.Anyone, customer, nil},
		{"user refuses an anonymous caller", manifest.User, anonymous, ErrUnauthenticated},
		{"user admits a customer", manifest.User, customer, nil},
		{"user admits an admin", manifest.User, admin, nil},
		{"user refuses an unknown role", manifest.User, auditor, ErrForbidden},
		{"admin refuses an anonymous caller", manifest.Admin, anonymous, ErrUnauthenticated},
		{"admin refuses a customer", manifest.Admin, customer, ErrForbidden},
		{"admin admits an admin", manifest.Admin, admin, nil},
		{"admin refuses an unauthenticated admin", manifest.Admin, unauthenticated, ErrUnauthenticated},
		{"an empty rule refuses an admin", "", admin, ErrForbidden},
		{"an unknown rule refuses an admin", "everyone", admin, ErrForbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := Authorize(test.access, test.caller.Principal, test.caller.authenticated)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestBearerToken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		headers []string
		want    string
		err     error
	}{
		{"a token", []string{"Bearer abc.DEF-1_2~+/="}, "abc.DEF-1_2~+/=", nil},
		{"the scheme in any case", []string{"bEARER abc"}, "abc", nil},
		{"no header", nil, "", ErrUnauthenticated},
		{"an empty header", []string{""}, "", ErrInvalidToken},
		{"no token", []string{"Bearer"}, "", ErrInvalidToken},
		{"an empty token", []string{"Bearer "}, "", ErrInvalidToken},
		{"another scheme", []string{"Basic dXNlcjpwYXNz"}, "", ErrInvalidToken},
		{"a scheme that only begins like it", []string{"Bearerx abc"}, "", ErrInvalidToken},
		{"something after the token", []string{"Bearer abc, Bearer def"}, "", ErrInvalidToken},
		{"padding inside the token", []string{"Bearer a=b"}, "", ErrInvalidToken},
		{"padding alone", []string{"Bearer ="}, "", ErrInvalidToken},
		{"two headers", []string{"Bearer abc", "Bearer abc"}, "", ErrInvalidToken},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			for _, value := range test.headers {
				header.Add("Authorization", value)
			}
			got, err := BearerToken(header)
			if got != test.want || !errors.Is(err, test.err) {
				t.Fatalf("got %q, %v; want %q, %v", got, err, test.want, test.err)
			}
		})
	}

	t.Run("the error does not quote the credentials", func(t *testing.T) {
		t.Parallel()
		_, err := BearerToken(http.Header{"Authorization": {"Basic s3cr3t"}})
		if err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Fatalf("got %v, want an error without the credentials", err)
		}
	})
}

func TestPrincipalFrom(t *testing.T) {
	t.Parallel()
	if _, ok := PrincipalFrom(context.Background()); ok {
		t.Fatal("a context without a principal has one")
	}
	got, ok := PrincipalFrom(WithPrincipal(context.Background(), testPrincipal))
	if !ok || got != testPrincipal {
		t.Fatalf("got %v, %t; want %v, true", got, ok, testPrincipal)
	}
}
