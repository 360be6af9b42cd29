package function

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souk/shared/auth"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	for name, test := range map[string]struct {
		ctx          context.Context
		err          error
		status       int
		authenticate string
	}{
		"says how to sign in when there is no token":            {t.Context(), auth.ErrUnauthenticated, http.StatusUnauthorized, "Bearer"},
		"says that a token is not good":                         {t.Context(), fmt.Errorf("verify: %w", auth.ErrInvalidToken), http.StatusUnauthorized, `Bearer error="invalid_token"`},
		"forbids what the role may not do":                      {t.Context(), fmt.Errorf("role: %w", auth.ErrForbidden), http.StatusForbidden, ""},
		"blames no token when there are no keys to check it":    {t.Context(), auth.ErrKeysUnavailable, http.StatusServiceUnavailable, ""},
		"blames no token when the request ended meanwhile":      {ended, fmt.Errorf("wait: %w", context.Canceled), http.StatusServiceUnavailable, ""},
		"blames no token for an error that it has no words for": {t.Context(), errors.New("odd"), http.StatusInternalServerError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := refusal(test.ctx, test.err)
			if got := p.GetHeaders().Get("WWW-Authenticate"); p.Status != test.status || got != test.authenticate {
				t.Errorf("got %d, WWW-Authenticate %q", p.Status, got)
			}
		})
	}
}

func TestSettingsOfTheCloud(t *testing.T) {
	t.Parallel()
	local := settings{EmulatorHost: "127.0.0.1:8085", Auth: auth.Config{KeysURL: "http://127.0.0.1/jwks"}, Push: auth.PushConfig{KeysURL: "http://127.0.0.1/certs"}}
	onCloudRun, onEmulator := local, local
	onCloudRun.Service, onEmulator.Service, onEmulator.Emulator = "order-get", "order-get", true
	secure := settings{Service: "order-get", Auth: auth.Config{KeysURL: "https://shop.test/jwks"}, Push: auth.PushConfig{KeysURL: "https://www.googleapis.com/oauth2/v3/certs"}}

	for name, s := range map[string]settings{"a machine of one's own": local, "the emulator of Cloud Run": onEmulator, "Cloud Run, when secure": secure} {
		t.Run("are taken on "+name, func(t *testing.T) {
			t.Parallel()
			if err := s.check(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("are refused anywhere with hops that cannot be: TRUSTED_HOPS", func(t *testing.T) {
		t.Parallel()
		s := local
		s.TrustedHops = -1
		if err := s.check(); err == nil || !strings.Contains(err.Error(), "TRUSTED_HOPS") {
			t.Errorf("got %v", err)
		}
	})
	for fault, change := range map[string]func(*settings){
		"PUBSUB_EMULATOR_HOST": func(s *settings) { s.EmulatorHost = onCloudRun.EmulatorHost },
		"AUTH_JWKS_URL":        func(s *settings) { s.Auth = onCloudRun.Auth },
		"PUSH_JWKS_URL":        func(s *settings) { s.Push = onCloudRun.Push },
	} {
		t.Run("are refused on Cloud Run when local: "+fault, func(t *testing.T) {
			t.Parallel()
			s := secure
			change(&s)
			if err := s.check(); err == nil || !strings.Contains(err.Error(), fault) || !strings.Contains(onCloudRun.check().Error(), fault) {
				t.Errorf("got %v", err)
			}
		})
	}
}
