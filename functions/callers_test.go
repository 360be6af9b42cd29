package functions_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// kind is a kind of caller. An access rule treats all callers of a kind with the same permissions
// alike.
type kind string

const (
	anonymous kind = "anonymous" // sends no token
	impostor  kind = "impostor"  // sends an invalid token
	guest     kind = "guest"     // sends the token of a checkout
	customer  kind = "customer"
	staff     kind = "staff"
	machine   kind = "machine" // sends an API key
	pubsub    kind = "Pub/Sub"
)

// identity names a caller, its kind and the permissions of staff or of an API key.
type identity struct {
	name        string
	kind        kind
	permissions manifest.PermissionSet
}

// caller is an identity with its values of the Authorization header.
type caller struct {
	identity
	authorization []string
}

// callers are those of the functions of a service.
type callers struct {
	// accounts are customers and staff with every role, without a login. A request of one cannot end
	// its rights, because no session belongs to its token.
	accounts []caller
	// signedIn are the same accounts, with tokens of a login just now.
	signedIn []caller
	// others are guests, API keys, and clients without a valid token.
	others []caller
	pushes []caller
}

// of returns the callers of a function. One that requires a recent login is called by accounts that have
// one: the refusal of the others would not show whether its rule permits them.
func (c callers) of(f manifest.Function) []caller {
	switch {
	case f.HTTP == "":
		return c.pushes
	case examples[f.Name].signedIn:
		return slices.Concat(c.signedIn, c.others)
	}
	return slices.Concat(c.accounts, c.others)
}

// newCallers returns a caller of each kind and role, and impostors with each kind of invalid token.
func newCallers(t testing.TB, s *functiontest.Server, service string) callers {
	t.Helper()
	c := callers{others: append(newImpostors(t, s, service), newMachines(t, s)...), pushes: newPushCallers(t, s)}
	c.others = append(c.others, caller{identity{name: "a guest", kind: guest}, bearer(s.Tokens.Checkout(t, uuid.New()))})
	principals := roles()
	ids := mustCallerIDs(t, s, service, len(principals))
	for i := range principals {
		principals[i].UserID = ids[i]
	}
	sessions := ids
	if service == issuer {
		sessions = mustStoreCallers(t, s, principals)
	}
	for i, p := range principals {
		who := identity{name: "an account with the role " + string(p.Role), kind: staff, permissions: p.Permissions}
		if p.Role == auth.Customer {
			who.kind = customer
		}
		c.accounts = append(c.accounts, caller{who, bearer(s.Token(t, p))})
		p.SessionID = sessions[i]
		c.signedIn = append(c.signedIn, caller{who, bearer(s.Token(t, p))})
	}
	return c
}

// roles returns callers with every role of accounts: customers, the roles that every shop has, and
// for each permission two that a shop defines: one with it alone, and one with all others.
func roles() []auth.Principal {
	all := manifest.AllPermissions()
	callers := []auth.Principal{{Role: auth.Customer}, {Role: "nothing"}}
	for _, role := range auth.BuiltInRoles() {
		permissions, _ := role.BuiltIn()
		callers = append(callers, auth.Principal{Role: role, Permissions: permissions})
	}
	for _, p := range all.List() {
		name, alone := strings.ReplaceAll(string(p), ".", "-"), manifest.NewPermissionSet(p)
		callers = append(callers, auth.Principal{Role: auth.Role(name + "-alone"), Permissions: alone},
			auth.Principal{Role: auth.Role("not-" + name), Permissions: all.Without(alone)})
	}
	return callers
}

// mustStoreCallers stores the roles of accounts and defines those of the shop, so that functions which
// compare a token with the database agree with it. It returns the id of a new login of each account.
func mustStoreCallers(t testing.TB, s *functiontest.Server, principals []auth.Principal) []uuid.UUID {
	t.Helper()
	now := time.Now().UTC()
	ids := make([]uuid.UUID, len(principals))
	var defined, sessions [][]any
	for i, p := range principals {
		ids[i] = uuid.New()
		hash := append(ids[i][:], ids[i][:]...)
		sessions = append(sessions, []any{ids[i][:], ids[i][:], p.UserID[:], hash, now, now, now.Add(time.Hour)})
		if _, builtIn := p.Role.BuiltIn(); !builtIn && p.Role.IsStaff() {
			id := uuid.New()
			defined = append(defined, []any{id[:], p.Role, p.Permissions.String(), 1, now, now})
		}
	}
	err := s.DB.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		for _, p := range principals {
			former, name := auth.Customer, p.Role
			switch p.Role {
			case auth.Customer:
				name = ""
			case auth.Owner:
				former = "admin"
			}
			if _, err := tx.ExecContext(ctx, `UPDATE user SET role = ?, staff_role = ? WHERE id = ?`, former, name, p.UserID[:]); err != nil {
				return err
			}
		}
		if err := database.InsertRows(ctx, tx, "shop_role (id, name, permissions, version, created_at, updated_at)", "", defined); err != nil {
			return err
		}
		return database.InsertRows(ctx, tx, "session (id, family_id, user_id, refresh_hash, signed_in_at, created_at, expires_at)", "", sessions)
	})
	if err != nil {
		t.Fatalf("store the callers: %v", err)
	}
	return ids
}

// newImpostors returns a client without a token, and clients with each kind of invalid token.
func newImpostors(t testing.TB, s *functiontest.Server, service string) []caller {
	t.Helper()
	ids := mustCallerIDs(t, s, service, 2)
	ada, boss := auth.Principal{UserID: ids[0], Role: auth.Customer}, auth.Principal{UserID: ids[1], Role: auth.Owner}
	callers := []caller{
		{identity: identity{name: "no token", kind: anonymous}},
		{identity{name: "an owner with two tokens", kind: impostor}, bearer(s.Token(t, boss), s.Token(t, boss))},
		{identity{name: "an owner with another scheme", kind: impostor}, []string{"Basic " + s.Token(t, boss)}},
		{identity{name: "an owner without a scheme", kind: impostor}, []string{s.Token(t, boss)}},
		{identity{name: "a customer with a tampered role", kind: impostor}, bearer(tampered(t, s.Token(t, ada), 1))},
	}
	for defect, token := range forged(t, s, boss) {
		callers = append(callers, caller{identity{name: "an owner with a token " + defect, kind: impostor}, bearer(token)})
	}
	for defect, token := range forgedCheckouts(t, s) {
		callers = append(callers, caller{identity{name: "a guest with a token " + defect, kind: impostor}, bearer(token)})
	}
	return callers
}

// newMachines returns callers with API keys: for each permission one with it alone, and one with all
// others. An instance that has read the keys before does not know them yet.
func newMachines(t testing.TB, s *functiontest.Server) (callers []caller) {
	t.Helper()
	add := func(name string, permissions manifest.PermissionSet) {
		callers = append(callers, caller{identity{name: "a key with " + name, kind: machine, permissions: permissions}, bearer(s.Key(t, permissions))})
	}
	add("nothing", 0)
	add("all permissions", manifest.AllPermissions())
	for _, p := range manifest.AllPermissions().List() {
		alone := manifest.NewPermissionSet(p)
		add(string(p)+" alone", alone)
		add("all but "+string(p), manifest.AllPermissions().Without(alone))
	}
	return callers
}

// newPushCallers returns Pub/Sub, and callers that are not.
func newPushCallers(t testing.TB, s *functiontest.Server) []caller {
	t.Helper()
	callers := []caller{{identity: identity{name: "no token", kind: anonymous}}, {identity{name: "Pub/Sub", kind: pubsub}, bearer(s.Tokens.Push(t))}}
	for defect, token := range forgedPushes(t, s) {
		callers = append(callers, caller{identity{name: "a token " + defect, kind: impostor}, bearer(token)})
	}
	return append(callers, caller{identity{name: "two tokens of Pub/Sub", kind: impostor}, bearer(s.Tokens.Push(t), s.Tokens.Push(t))})
}

func bearer(tokens ...string) []string {
	for i := range tokens {
		tokens[i] = "Bearer " + tokens[i]
	}
	return tokens
}

// mustCallerID returns the id of a caller of the function, whose account has fixtures.Password: see
// mustCallerIDs.
func mustCallerID(t testing.TB, s *functiontest.Server, f manifest.Function) uuid.UUID {
	t.Helper()
	if f.Service != issuer {
		return uuid.New()
	}
	id, _ := mustSeedAccount(t, s)
	return id
}

// mustCallerIDs returns the ids of callers of a service: those of existing accounts for the user
// service, without a usable password, and any ids for the others, which read the token alone.
func mustCallerIDs(t testing.TB, s *functiontest.Server, service string, n int) []uuid.UUID {
	t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	if service != issuer {
		return ids
	}
	emails := make([]string, n)
	for i, id := range ids {
		emails[i] = id.String() + "@example.com"
	}
	ids, err := user.SeedCustomers(t.Context(), s.DB, emails)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// mustSeedAccount creates an account and returns its id and e-mail address.
func mustSeedAccount(t testing.TB, s *functiontest.Server) (id uuid.UUID, email string) {
	t.Helper()
	email = uuid.NewString() + "@example.com"
	id, err := user.Seed(t.Context(), s.DB, email, fixtures.Password, auth.Customer)
	if err != nil {
		t.Fatal(err)
	}
	return id, email
}
