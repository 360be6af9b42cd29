// Package user provides the functions of the user service: accounts, sessions, addresses
// and the keys that sign access tokens.
package user

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"

	"souk/functions/user/internal/password"
	"souk/functions/user/internal/totp"
	"souk/functions/user/migrations"
	"souk/shared/api"
	"souk/shared/apikey"
	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/maildelivery"
	"souk/shared/note"
	"souk/shared/revocation"
)

// Migrations create the service's tables.
var Migrations = migrations.All

var (
	topicUserDeleted            = event.NewTopic[Deleted]("user-deleted", "user")
	topicRegistrationRequested  = event.NewTopic[registrationRequested]("registration-requested", "registration")
	topicPasswordResetRequested = event.NewTopic[passwordResetRequested]("password-reset-requested", "password-reset")
	topicEmailConfirmed         = event.NewTopic[emailConfirmed]("email-confirmed", "user")
	topicEmailChangeRequested   = event.NewTopic[emailChangeRequested]("email-change-requested", "email-change")
	topicEmailChanged           = event.NewTopic[emailChanged]("email-changed", "user")
	topicSecondFactorChanged    = event.NewTopic[secondFactorChanged]("second-factor-changed", "user")
	topicPasswordChanged        = event.NewTopic[passwordChanged]("password-changed", "user")
)

// Topics lists the topics that the service publishes to.
var Topics = []event.AnyTopic{
	topicUserDeleted, topicRegistrationRequested, topicPasswordResetRequested, topicEmailConfirmed,
	topicEmailChangeRequested, topicEmailChanged, topicSecondFactorChanged, topicPasswordChanged, revocation.Topic,
	apikey.Topic, apikey.UsedTopic,
}

// Functions returns the functions of the service, by their names in functions.yaml.
func Functions(runtime *function.Runtime) ([]function.Function, error) {
	s, err := newService(runtime)
	if err != nil {
		return nil, err
	}
	return slices.Concat(s.keyFunctions(), s.roleFunctions(), s.secondFactorFunctions(), s.noteFunctions(), []function.Function{
		function.HTTP("user-register", s.register, function.Created),
		function.EventWithoutTx("registration-mail", maildelivery.New(s.Runtime, "registration-mail", &s.mailer, maildelivery.OneByOne(s.registrationMail)).Deliver),
		function.HTTP("email-verify", s.emailVerify, function.DocumentErrors(http.StatusBadRequest, "invalid_token")),
		function.HTTP("password-reset-request", s.passwordResetRequest, accepted),
		function.EventWithoutTx("password-reset-mail", maildelivery.New(s.Runtime, "password-reset-mail", &s.mailer, maildelivery.OneByOne(s.passwordResetMail)).Deliver),
		function.HTTP("password-reset", s.passwordReset, function.DocumentErrors(http.StatusBadRequest, "invalid_token")),
		function.EventWithoutTx("password-changed-mail", maildelivery.New(s.Runtime, "password-changed-mail", &s.mailer, maildelivery.OneByOne(s.passwordChangedMail)).Deliver),
		function.Command("email-change", s.emailChange, accepted, recentLogin),
		function.EventWithoutTx("email-change-mail", maildelivery.New(s.Runtime, "email-change-mail", &s.mailer, maildelivery.OneByOne(s.emailChangeMail)).Deliver),
		function.Command("email-confirm", s.emailConfirm, function.DocumentErrors(http.StatusBadRequest, "invalid_token")),
		function.HTTP("email-revert", s.emailRevert, function.DocumentErrors(http.StatusBadRequest, "invalid_token")),
		function.EventWithoutTx("user-notify", maildelivery.New(s.Runtime, "user-notify", &s.mailer, s.notify).Deliver),
		function.EventWithoutTx("return-mail", maildelivery.New(s.Runtime, "return-mail", &s.mailer, s.returnMail).Deliver),
		function.EventWithoutTx("stock-low-mail", maildelivery.New(s.Runtime, "stock-low-mail", &s.mailer, maildelivery.OneByOne(s.stockLowMail)).Deliver),
		function.EventWithoutTx("webhook-disabled-mail", maildelivery.New(s.Runtime, "webhook-disabled-mail", &s.mailer, maildelivery.OneByOne(s.webhookDisabledMail)).Deliver),
		function.HTTP("user-get", s.get),
		function.HTTP("user-update", s.update),
		function.HTTP("user-delete", s.delete,
			function.DocumentErrors(http.StatusConflict, "owner_account"), recentLogin),
		function.HTTP("user-export", s.export, exportBody),
		function.HTTP("user-list", s.list),
		function.HTTP("user-read", s.read, function.DocumentNotFound("user")),
		function.HTTP("user-trail", s.trail),
		function.HTTP("user-role", s.role, function.Unconditional, function.DocumentNotFound("user"), function.DocumentErrors(http.StatusConflict, "own_role", "too_many_holders")),
		function.HTTP("password-change", s.passwordChange, function.Unconditional, function.DocumentErrors(http.StatusForbidden, "wrong_password"),
			function.DocumentErrors(http.StatusTooManyRequests, api.CodeTooManyRequests)),
		function.Command("address-create", s.addressCreate, function.Created, function.DocumentErrors(http.StatusConflict, "too_many_addresses")),
		function.HTTP("address-list", s.addressList),
		function.HTTP("address-get", s.addressGet, function.DocumentNotFound("address")),
		function.HTTP("address-update", s.addressUpdate, function.DocumentNotFound("address")),
		function.HTTP("address-delete", s.addressDelete, function.DocumentNotFound("address")),
		function.HTTP("session-create", s.sessionCreate, function.Created, function.DocumentErrors(http.StatusUnauthorized, "invalid_credentials", "second_factor_required")),
		function.HTTP("session-confirm", s.sessionConfirm, function.Created,
			function.DocumentErrors(http.StatusUnauthorized, "invalid_challenge", "wrong_code", "wrong_passkey", "invalid_credentials"), passkeysOff),
		function.HTTP("session-refresh", s.sessionRefresh, function.Created, function.DocumentErrors(http.StatusUnauthorized, "invalid_refresh_token")),
		function.HTTP("session-delete", s.sessionDelete, function.Unconditional),
		function.HTTP("jwks", s.jwks),
		function.Schedule("user-outbox", s.Sweep(s.pruneMail, s.login.prune, s.indexUsers)),
	}), nil
}

// roleFunctions returns the functions about roles.
func (s *service) roleFunctions() []function.Function {
	return []function.Function{
		function.HTTP("role-list", s.roleList),
		function.Command("role-create", s.roleCreate, function.Created, function.DocumentErrors(http.StatusConflict, "role_exists", "too_many_roles")),
		function.HTTP("role-update", s.roleUpdate, function.DocumentNotFound("role")),
		function.HTTP("role-delete", s.roleDelete, function.DocumentNotFound("role"), function.DocumentErrors(http.StatusConflict, "role_in_use")),
	}
}

// secondFactorFunctions returns the functions about authenticator apps, passkeys and recovery codes.
func (s *service) secondFactorFunctions() []function.Function {
	return []function.Function{
		function.HTTP("second-factor-get", s.secondFactorGet),
		function.HTTP("second-factor-delete", s.secondFactorDelete, function.Unconditional, function.DocumentNotFound("factor"), recentLogin),
		function.HTTP("second-factor-reset", s.secondFactorReset, function.Unconditional, function.DocumentNotFound("user"), function.DocumentErrors(http.StatusConflict, "own_account")),
		function.HTTP("totp-create", s.totpCreate, function.Created, function.DocumentErrors(http.StatusConflict, "totp_exists"), recentLogin),
		function.HTTP("totp-confirm", s.totpConfirm, function.DocumentErrors(http.StatusForbidden, "wrong_code"), function.DocumentErrors(http.StatusConflict, "totp_not_set_up")),
		function.HTTP("recovery-code-create", s.recoveryCodeCreate, function.Created, function.DocumentErrors(http.StatusConflict, "no_second_factor"), recentLogin),
		function.HTTP("passkey-challenge", s.passkeyChallenge, function.Created, function.DocumentErrors(http.StatusConflict, "too_many_passkeys"), passkeysOff, recentLogin),
		function.HTTP("passkey-create", s.passkeyCreate, function.Created, function.DocumentErrors(http.StatusBadRequest, "invalid_challenge", "invalid_passkey"),
			function.DocumentErrors(http.StatusConflict, "too_many_passkeys"), passkeysOff),
	}
}

// noteFunctions returns the functions for the notes on accounts, and their tags.
func (s *service) noteFunctions() []function.Function {
	return []function.Function{
		function.Command("user-note-create", s.noteCreate, function.Created, function.DocumentNotFound("user"), function.DocumentErrors(http.StatusConflict, note.CodeTooMany)),
		function.HTTP("user-note-list", s.noteList, function.DocumentNotFound("user")),
		function.Command("user-note-update", s.noteUpdate, function.DocumentNotFound("user"), function.DocumentNotFound("note")),
		function.Command("user-note-delete", s.noteDelete, function.DocumentNotFound("user"), function.DocumentNotFound("note")),
		function.Command("user-tags", s.tags, function.DocumentNotFound("user")),
	}
}

// Errors of several functions.
var (
	recentLogin = function.DocumentErrors(http.StatusUnauthorized, "recent_login_required")
	passkeysOff = function.DocumentErrors(http.StatusConflict, "passkeys_off")
)

// newService returns the service with the settings and secrets of the functions that this
// process serves.
func newService(runtime *function.Runtime) (*service, error) {
	login, err := config.Load[loginSettings](runtime.Environment)
	if err != nil {
		return nil, err
	}
	sessions, err := config.Load[sessionSettings](runtime.Environment)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(login.validate(), sessions.validate()); err != nil {
		return nil, err
	}
	keys, err := config.Load[keySettings](runtime.Environment)
	if err != nil {
		return nil, err
	}
	s := &service{
		Runtime: runtime, isLocal: keys.Emulator, session: sessions, login: loginLimiter{db: runtime.DB, now: runtime.Now, settings: login},
		passwords: password.NewHasher(password.DefaultSlots(), login.Queue, login.Wait),
	}
	return s, s.load()
}

// load loads the settings and secrets of the functions that this process serves.
func (s *service) load() error {
	if slices.ContainsFunc([]string{"session-create", "session-confirm", "session-refresh"}, s.Serves) {
		if err := s.loadSigner(); err != nil {
			return err
		}
	}
	if err := s.loadSecondFactor(); err != nil {
		return err
	}
	if slices.ContainsFunc(passkeyFunctions, s.Serves) {
		if err := s.loadPasskeys(); err != nil {
			return err
		}
	}
	if s.Serves("jwks") {
		if err := s.loadKeySet(); err != nil {
			return err
		}
	}
	if s.Serves("user-export") {
		settings, err := config.Load[exportSettings](s.Environment)
		if err != nil {
			return err
		}
		if s.shop, err = newShop(settings); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(mailers, s.Serves) {
		return s.loadMail()
	}
	return nil
}

func (s *service) loadSigner() error {
	settings, err := config.Load[auth.SignerConfig](s.Environment)
	if err != nil {
		return err
	}
	s.signer, err = auth.NewSigner(settings)
	return err
}

func (s *service) loadKeySet() error {
	settings, err := config.Load[auth.PublisherConfig](s.Environment)
	if err != nil {
		return err
	}
	keys, err := settings.KeySet()
	if err != nil {
		return err
	}
	s.keys, err = newKeySet(keys)
	return err
}

type service struct {
	*function.Runtime
	login     loginLimiter
	session   sessionSettings
	passwords *password.Hasher
	signer    *auth.Signer
	keys      keySet
	shop      *shop
	// isLocal is keySettings.Emulator.
	isLocal bool

	// For second factors.
	secondFactorRoles []auth.Role
	totpKeys          totp.Keys
	webAuthn          *webauthn.WebAuthn // nil if the shop has no passkeys

	// For the functions that send mail.
	mailer   maildelivery.Mailer
	pagesURL string
	// syntheticCustomer is mailSettings.SyntheticCustomer.
	syntheticCustomer uuid.UUID
	tokenKey          []byte
	mailboxes         staffMailboxes
}
