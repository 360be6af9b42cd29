// Package user provides the functions of the user service: accounts, sessions, addresses
// and the keys that sign access tokens.
package user

import (
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"souk/functions/user/internal/password"
	"souk/functions/user/migrations"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/mail"
	"souk/shared/revocation"
)

// Migrations create the service's tables.
var Migrations = migrations.All

var (
	topicUserDeleted            = event.NewTopic[Deleted]("user-deleted", "user")
	topicRegistrationRequested  = event.NewTopic[registrationRequested]("registration-requested", "registration")
	topicPasswordResetRequested = event.NewTopic[passwordResetRequested]("password-reset-requested", "password-reset")
	topicPasswordChanged        = event.NewTopic[passwordChanged]("password-changed", "user")
)

// Topics lists the topics that the service publishes to.
var Topics = []event.AnyTopic{
	topicUserDeleted, topicRegistrationRequested, topicPasswordResetRequested, topicPasswordChanged, revocation.Topic,
}

// Functions returns the functions of the service, by their names in functions.yaml.
func Functions(runtime *function.Runtime) ([]function.Function, error) {
	s, err := newService(runtime)
	if err != nil {
		return nil, err
	}
	return []function.Function{
		function.HTTP("user-register", s.register, function.Created),
		function.EventWithoutTx("registration-mail", s.registrationMail),
		function.HTTP("email-verify", s.emailVerify, function.DocumentErrors(http.StatusBadRequest, "invalid_token")),
		function.HTTP("password-reset-request", s.passwordResetRequest, accepted),
		function.EventWithoutTx("password-reset-mail", s.passwordResetMail),
		function.HTTP("password-reset", s.passwordReset, function.DocumentErrors(http.StatusBadRequest, "invalid_token")),
		function.EventWithoutTx("password-changed-mail", s.passwordChangedMail),
		function.EventWithoutTx("user-notify", s.notify),
		function.HTTP("user-get", s.get),
		function.HTTP("user-update", s.update),
		function.HTTP("user-delete", s.delete,
			function.DocumentErrors(http.StatusConflict, "admin_account"), function.DocumentErrors(http.StatusUnauthorized, "recent_login_required")),
		function.HTTP("user-export", s.export, exportBody),
		function.HTTP("user-list", s.list),
		function.HTTP("user-role", s.role, function.DocumentNotFound("user"), function.DocumentErrors(http.StatusConflict, "own_role")),
		function.HTTP("password-change", s.passwordChange, function.DocumentErrors(http.StatusForbidden, "wrong_password"),
			function.DocumentErrors(http.StatusTooManyRequests, api.CodeTooManyRequests)),
		function.Command("address-create", s.addressCreate, function.Created, function.DocumentErrors(http.StatusConflict, "too_many_addresses")),
		function.HTTP("address-list", s.addressList),
		function.HTTP("address-get", s.addressGet, function.DocumentNotFound("address")),
		function.HTTP("address-update", s.addressUpdate, function.DocumentNotFound("address")),
		function.HTTP("address-delete", s.addressDelete, function.DocumentNotFound("address")),
		function.HTTP("session-create", s.sessionCreate, function.Created, function.DocumentErrors(http.StatusUnauthorized, "invalid_credentials")),
		function.HTTP("session-refresh", s.sessionRefresh, function.Created, function.DocumentErrors(http.StatusUnauthorized, "invalid_refresh_token")),
		function.HTTP("session-delete", s.sessionDelete, function.Unconditional),
		function.HTTP("jwks", s.jwks),
		function.Schedule("user-outbox", s.Sweep(s.pruneMail, s.login.prune)),
	}, nil
}

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
	s := &service{
		Runtime: runtime, session: sessions, login: loginLimiter{db: runtime.DB, now: runtime.Now, settings: login},
		passwords: password.NewHasher(password.DefaultSlots(), login.Queue, login.Wait),
	}
	return s, s.load()
}

// load loads the settings and secrets of the functions that this process serves.
func (s *service) load() error {
	if slices.ContainsFunc([]string{"session-create", "session-refresh"}, s.Serves) {
		if err := s.loadSigner(); err != nil {
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

	// For the functions that send mail.
	sender    *mail.Sender
	templates map[string]*mail.Template
	pagesURL  string
	// syntheticCustomer is mailSettings.SyntheticCustomer.
	syntheticCustomer uuid.UUID
	tokenKey          []byte
}
