//go:build !container

package local

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"souk/shared/manifest"
	"souk/shared/profile"
)

const (
	// pushKeysPath is the path of the token issuer's keys, the same as Google's.
	pushKeysPath = "/oauth2/v3/certs"

	// tokenAudience is the audience of the shop's access tokens.
	tokenAudience = "souk"

	// mailFrom is the sender of the shop's mail. The domain .test is reserved (RFC 2606).
	mailFrom = "Souk <shop@souk.test>"
)

// environment returns the environment of a function, like Terraform's in the cloud.
//
// Undelivered messages of the last run are pushed as soon as the broker starts, so this
// waits until the addresses of all parts are known.
func (s *System) environment(f manifest.Function) []string {
	<-s.wired
	if s.broker == nil { // it has not started, and the system is being stopped
		return nil
	}
	environment := []string{
		"SOUK_EMULATOR=1",
		"LOCAL_ONLY=true",
		"GOOGLE_CLOUD_PROJECT=" + Project,
		"PUBSUB_EMULATOR_HOST=" + s.route(ToPubSub, f.Name, s.broker.Addr()),
		"AUTH_ISSUER=" + s.gatewayURL(),
		"AUTH_AUDIENCE=" + tokenAudience,
		"AUTH_JWKS_URL=" + s.platform.URL("jwks") + s.jwksPath(),
		"SHOP_URL=" + s.gatewayURL(),
		"PUSH_ISSUER=" + s.issuer.URL(),
		"PUSH_JWKS_URL=" + s.issuer.URL() + pushKeysPath,
		"PUSH_AUDIENCE=" + s.audience(f),
		"PUSH_SERVICE_ACCOUNT=" + PushServiceAccount,
		"MAIL_FROM=" + mailFrom,
		// An address is no domain: passkeys are used at the gateway by its name.
		"USER_PASSKEY_DOMAIN=localhost",
		"USER_PASSKEY_ORIGINS=" + strings.Replace(s.gatewayURL(), "127.0.0.1", "localhost", 1),
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + s.traces.url,
		"GOMEMLIMIT=" + s.options.Manifest.ScalingOf(f).GoMemLimit(),
	}
	if f.Database != manifest.NoDatabase {
		environment = append(environment,
			"DATABASE_URL="+string(s.routeURL(f.Name, s.urls[s.options.Manifest.LoginOf(f)])),
			"DATABASE_MAX_OPEN_CONNS="+strconv.Itoa(s.options.Manifest.ScalingOf(f).Pool))
	}
	for _, name := range f.Secrets {
		environment = append(environment, name+"="+s.secrets.byName(name))
	}
	environment = append(environment, s.paymentEnvironment(f)...)
	if f.Service == "webhook" {
		environment = append(environment, "WEBHOOK_LOCAL_TARGETS=true")
	}
	return append(environment, ownSettings(f.Service, os.Environ())...)
}

// sharedSettings are the environment variables that are passed to all services.
var sharedSettings = []string{"SHOP_CURRENCY", profile.Variable, "BATCH_ITEMS", "CHECKOUT_FOR", "GUEST_RETENTION"}

// ownSettings returns the variables whose names start with the service's name, and those for
// all services. ORDER_PENDING_FOR=1m souk up sets an option of the order service.
func ownSettings(service string, variables []string) []string {
	var own []string
	for _, variable := range variables {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, strings.ToUpper(service)+"_") || slices.Contains(sharedSettings, name) {
			own = append(own, variable)
		}
	}
	return own
}

// jwksPath returns the path of the function jwks.
func (s *System) jwksPath() string {
	f, _ := s.options.Manifest.Function("jwks")
	return f.Path()
}
