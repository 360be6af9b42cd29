package local

import (
	"os"
	"slices"
	"strings"

	"souk/shared/manifest"
)

const (
	// PushServiceAccount is whose tokens Pub/Sub pushes with. In the cloud it is
	// an account that may invoke the functions, and do nothing else.
	PushServiceAccount = "pubsub-invoker@" + Project + ".iam.gserviceaccount.com"

	// pushKeysPath is where the token issuer serves its keys, as Google does.
	pushKeysPath = "/oauth2/v3/certs"

	// tokenAudience is whom the shop's access tokens are for.
	tokenAudience = "souk"

	// mailFrom is whom the shop's mail is from. .test is nobody's domain.
	mailFrom = "Souk <shop@souk.test>"
)

// environment is what a function is configured with, as Terraform configures it
// in the cloud: its service's own database, and who may call.
//
// What is left undelivered from the last run is pushed as soon as the broker
// starts, so this waits until the rest of the system can be named.
func (s *System) environment(f manifest.Function) []string {
	<-s.wired
	if s.broker == nil { // It never started, and the system is being stopped.
		return nil
	}
	environment := []string{
		"SOUK_EMULATOR=1",
		"LOCAL_ONLY=true",
		"GOOGLE_CLOUD_PROJECT=" + Project,
		"PUBSUB_EMULATOR_HOST=" + s.broker.Addr(),
		"DATABASE_URL=" + string(s.urls[f.Service]),
		"AUTH_ISSUER=" + s.gatewayURL(),
		"AUTH_AUDIENCE=" + tokenAudience,
		"AUTH_JWKS_URL=" + s.platform.URL("jwks") + s.jwksPath(),
		"SHOP_URL=" + s.gatewayURL(),
		"PUSH_ISSUER=" + s.issuer.URL(),
		"PUSH_JWKS_URL=" + s.issuer.URL() + pushKeysPath,
		"PUSH_AUDIENCE=" + s.audience(f),
		"PUSH_SERVICE_ACCOUNT=" + PushServiceAccount,
		"MAIL_FROM=" + mailFrom,
		"GOMEMLIMIT=" + s.options.Manifest.ScalingOf(f).GoMemLimit(),
	}
	for _, name := range f.Secrets {
		environment = append(environment, name+"="+s.secrets.byName(name))
	}
	return append(environment, ownSettings(f.Service, os.Environ())...)
}

// sharedSettings are variables that every service may be started with.
var sharedSettings = []string{"SHOP_CURRENCY"}

// ownSettings returns the variables of a service, whose names begin with its own, and
// those of all services. So ORDER_PENDING_FOR=1m souk up tries out a setting.
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

// jwksPath is where the function jwks answers.
func (s *System) jwksPath() string {
	f, _ := s.options.Manifest.Function("jwks")
	return f.Path()
}
