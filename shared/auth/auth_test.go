package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/manifest"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	type caller struct {
		Principal
		authenticated bool
	}
	anonymous := caller{}
	customer := caller{Principal{Role: Customer}, true}
	owner := caller{Principal{Role: Owner, Permissions: manifest.AllPermissions()}, true}
	packer := caller{Principal{Role: "packer", Permissions: manifest.NewPermissionSet(manifest.OrdersWrite)}, true}
	reader := caller{Principal{Role: "reader", Permissions: manifest.NewPermissionSet(manifest.OrdersRead)}, true}
	key := caller{Principal{Role: Key, KeyID: uuid.New(), Permissions: manifest.NewPermissionSet(manifest.OrdersWrite)}, true}
	guest := caller{Principal{Role: Guest}, true}
	unauthenticated := caller{Principal{Role: Owner, Permissions: manifest.AllPermissions()}, false}
	everything := manifest.AllPermissions()

	anyone, user, checkout := manifest.Function{Access: manifest.Anyone}, manifest.Function{Access: manifest.User}, manifest.Function{Access: manifest.Checkout}
	staff := manifest.Function{Access: manifest.Staff(manifest.OrdersWrite)}
	others, othersCheckout := user, checkout
	others.Others, othersCheckout.Others = manifest.OrdersWrite, manifest.OrdersWrite
	for _, test := range []struct {
		name   string
		f      manifest.Function
		caller caller
		want   error
	}{
		{"anyone admits an anonymous caller", anyone, anonymous, nil},
		{"anyone admits an account", anyone, customer, nil},
		{"anyone refuses a key, which owns nothing", anyone, key, ErrForbidden},
		{"user refuses an anonymous caller", user, anonymous, ErrUnauthenticated},
		{"user admits a customer", user, customer, nil},
		{"user admits an owner", user, owner, nil},
		{"user admits staff without a permission", others, reader, nil},
		{"user refuses a guest", user, guest, ErrForbidden},
		{"user refuses a key", user, key, ErrForbidden},
		{"user for others admits a key with the permission", others, key, nil},
		{"user for others refuses a key without it", others, caller{Principal{Role: Key, Permissions: manifest.NewPermissionSet(manifest.OrdersRead)}, true}, ErrForbidden},
		{"checkout refuses an anonymous caller", checkout, anonymous, ErrUnauthenticated},
		{"checkout admits a guest", checkout, guest, nil},
		{"checkout admits a customer", checkout, customer, nil},
		{"checkout admits an owner", checkout, owner, nil},
		{"checkout refuses a key", checkout, key, ErrForbidden},
		{"checkout for others admits a key with the permission", othersCheckout, key, nil},
		{"checkout refuses an unknown role", checkout, caller{Principal{Role: "No Role", Permissions: everything}, true}, ErrForbidden},
		{"user refuses an unknown role", user, caller{Principal{Role: "admin", Permissions: everything}, true}, ErrForbidden},
		{"user refuses no role", user, caller{Principal{Permissions: everything}, true}, ErrForbidden},
		{"staff refuses an anonymous caller", staff, anonymous, ErrUnauthenticated},
		{"staff refuses a customer", staff, customer, ErrForbidden},
		{"staff refuses a customer with permissions", staff, caller{Principal{Role: Customer, Permissions: everything}, true}, ErrForbidden},
		{"staff refuses a guest", staff, guest, ErrForbidden},
		{"staff refuses a guest with permissions", staff, caller{Principal{Role: Guest, Permissions: everything}, true}, ErrForbidden},
		{"staff admits an owner", staff, owner, nil},
		{"staff admits a role with the permission", staff, packer, nil},
		{"staff refuses a role without it", staff, reader, ErrForbidden},
		{"staff admits a key with the permission", staff, key, nil},
		{"staff refuses an unauthenticated owner", staff, unauthenticated, ErrUnauthenticated},
		{"an empty rule refuses an owner", manifest.Function{}, owner, ErrForbidden},
		{"an unknown rule refuses an owner", manifest.Function{Access: "everyone"}, owner, ErrForbidden},
		{"the rule of a former release refuses an owner", manifest.Function{Access: "admin"}, owner, ErrForbidden},
		{"an unknown permission refuses an owner", manifest.Function{Access: "staff(orders.burn)"}, owner, ErrForbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := Authorize(test.f, test.caller.Principal, test.caller.authenticated)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
		})
	}
	t.Run("the error names the missing permission", func(t *testing.T) {
		t.Parallel()
		var missing *MissingPermissionError
		if err := Authorize(staff, reader.Principal, true); !errors.As(err, &missing) || *missing != (MissingPermissionError{"reader", manifest.OrdersWrite}) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMayRead(t *testing.T) {
	t.Parallel()
	owner, other := uuid.New(), uuid.New()
	can, cannot := manifest.NewPermissionSet(manifest.OrdersRead), manifest.AllPermissions().Without(manifest.NewPermissionSet(manifest.OrdersRead))
	for _, test := range []struct {
		name   string
		caller Principal
		owner  uuid.UUID
		want   bool
	}{
		{"the owner", Principal{UserID: owner, Role: Customer}, owner, true},
		{"the guest who owns it", Principal{UserID: owner, Role: Guest}, owner, true},
		{"another customer", Principal{UserID: other, Role: Customer}, owner, false},
		{"another customer with the permission", Principal{UserID: other, Role: Customer, Permissions: can}, owner, false},
		{"staff", Principal{UserID: other, Role: Support, Permissions: can}, owner, true},
		{"staff without the permission", Principal{UserID: other, Role: Support, Permissions: cannot}, owner, false},
		{"staff, of what they own", Principal{UserID: owner, Role: Support, Permissions: cannot}, owner, true},
		{"staff, without an owner", Principal{UserID: other, Role: Support, Permissions: can}, uuid.Nil, true},
		{"a key", Principal{KeyID: other, Role: Key, Permissions: can}, owner, true},
		{"a key without the permission, without an owner", Principal{KeyID: other, Role: Key, Permissions: cannot}, uuid.Nil, false},
		{"an anonymous caller, without an owner", Principal{}, uuid.Nil, false},
	} {
		if got := test.caller.MayRead(test.owner, manifest.OrdersRead); got != test.want {
			t.Errorf("%s may read: %t, want %t", test.name, got, test.want)
		}
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
