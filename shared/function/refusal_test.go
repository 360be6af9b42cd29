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
		"explains how to sign in without a token":        {t.Context(), auth.ErrUnauthenticated, http.StatusUnauthorized, "Bearer"},
		"refuses an invalid token":                       {t.Context(), fmt.Errorf("verify: %w", auth.ErrInvalidToken), http.StatusUnauthorized, `Bearer error="invalid_token"`},
		"forbids what the role does not allow":           {t.Context(), fmt.Errorf("role: %w", auth.ErrForbidden), http.StatusForbidden, ""},
		"is a 503 if the keys are unavailable":           {t.Context(), auth.ErrKeysUnavailable, http.StatusServiceUnavailable, ""},
		"is a 503 if the request ended during the check": {ended, fmt.Errorf("wait: %w", context.Canceled), http.StatusServiceUnavailable, ""},
		"is a 500 for an unexpected error":               {t.Context(), errors.New("odd"), http.StatusInternalServerError, ""},
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

func TestCheckSettings(t *testing.T) {
	t.Parallel()
	local := settings{EmulatorHost: "127.0.0.1:8085", Auth: auth.Config{KeysURL: "http://127.0.0.1/jwks"}, Push: auth.PushConfig{KeysURL: "http://127.0.0.1/certs"}}
	onCloudRun, onEmulator := local, local
	onCloudRun.CloudRunService, onEmulator.CloudRunService, onEmulator.Emulator = "order-get", "order-get", true
	secure := settings{CloudRunService: "order-get", Auth: auth.Config{KeysURL: "https://shop.test/jwks"}, Push: auth.PushConfig{KeysURL: "https://www.googleapis.com/oauth2/v3/certs"}}

	for name, s := range map[string]settings{"a local machine": local, "the emulator of Cloud Run": onEmulator, "Cloud Run, when secure": secure} {
		t.Run("are accepted on "+name, func(t *testing.T) {
			t.Parallel()
			if err := s.check(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("are refused with invalid TRUSTED_HOPS", func(t *testing.T) {
		t.Parallel()
		s := local
		s.TrustedHops = -1
		if err := s.check(); err == nil || !strings.Contains(err.Error(), "TRUSTED_HOPS") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("are refused with PROFILE_DIR where they are not LOCAL_ONLY", func(t *testing.T) {
		t.Parallel()
		profiled, cloud := local, secure
		profiled.ProfileDir = "/tmp"
		cloud.ProfileDir, cloud.LocalOnly = "/tmp", true
		for _, s := range []settings{profiled, cloud} {
			if err := s.check(); err == nil || !strings.Contains(err.Error(), "PROFILE_DIR") {
				t.Errorf("LocalOnly %v, on Cloud Run %v: got %v", s.LocalOnly, s.onCloudRun(), err)
			}
		}
		profiled.LocalOnly = true
		if err := profiled.check(); err != nil {
			t.Errorf("on a local machine: %v", err)
		}
	})
	for variable, change := range map[string]func(*settings){
		"PUBSUB_EMULATOR_HOST": func(s *settings) { s.EmulatorHost = onCloudRun.EmulatorHost },
		"AUTH_JWKS_URL":        func(s *settings) { s.Auth = onCloudRun.Auth },
		"PUSH_JWKS_URL":        func(s *settings) { s.Push = onCloudRun.Push },
	} {
		t.Run("are refused on Cloud Run with a local "+variable, func(t *testing.T) {
			t.Parallel()
			s := secure
			change(&s)
			if err := s.check(); err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(onCloudRun.check().Error(), variable) {
				t.Errorf("got %v", err)
			}
		})
	}
}
