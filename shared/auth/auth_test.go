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
	nobody := caller{}
	customer := caller{Principal{Role: Customer}, true}
	admin := caller{Principal{Role: Admin}, true}
	stranger := caller{Principal{Role: "auditor"}, true}
	unproven := caller{Principal{Role: Admin}, false}

	for _, test := range []struct {
		name   string
		access manifest.Access
		caller caller
		want   error
	}{
		{"anyone lets nobody in particular in", manifest.Anyone, nobody, nil},
		{"anyone lets an account in", manifest.Anyone, customer, nil},
		{"user asks who is there", manifest.User, nobody, ErrUnauthenticated},
		{"user lets a customer in", manifest.User, customer, nil},
		{"user lets an admin in", manifest.User, admin, nil},
		{"user refuses a role it does not know", manifest.User, stranger, ErrForbidden},
		{"admin asks who is there", manifest.Admin, nobody, ErrUnauthenticated},
		{"admin refuses a customer", manifest.Admin, customer, ErrForbidden},
		{"admin lets an admin in", manifest.Admin, admin, nil},
		{"admin does not take an unproven admin", manifest.Admin, unproven, ErrUnauthenticated},
		{"no rule refuses an admin", "", admin, ErrForbidden},
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

	t.Run("the error does not quote what was sent", func(t *testing.T) {
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
