package functions_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"testing"

	"souk/functions"
	"souk/shared/function/functiontest"
	"souk/shared/health"
	"souk/shared/manifest"
)

// TestStartup starts processes without a database server: an unavailable server must not
// restart instances, and functions without a database must start without a server.
func TestStartup(t *testing.T) {
	t.Parallel()
	probe := functiontest.Request{Method: http.MethodGet, Path: health.StartupPath}
	t.Run("the startup probe passes while the database is down", func(t *testing.T) {
		t.Parallel()
		p := mustRun(t, mustBuild(t, "product"), "FUNCTION_TARGET=product-list", "DATABASE_URL=mysql://root@127.0.0.1:"+freePort(t)+"/souk_product")
		p.mustListen(t)
		mustWaitUntil(t, "the startup probe passes", func() bool { return functiontest.Do(t, p.url, probe).Status == http.StatusOK })
		functiontest.Do(t, p.url, functiontest.Request{Method: http.MethodGet, Path: "/v1/products"}).MustBe(t, http.StatusServiceUnavailable)
		functiontest.Do(t, p.url, functiontest.Request{Method: http.MethodGet, Path: health.Path}).MustBe(t, http.StatusOK)
	})
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"AUTH_PUBLIC_KEYS": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
	tested := 0
	for _, f := range functions.Manifest().Functions {
		if f.Database != manifest.NoDatabase || f.Method() != http.MethodGet {
			continue
		}
		tested++
		t.Run(f.Name+" starts without a database", func(t *testing.T) {
			t.Parallel()
			environment := []string{"FUNCTION_TARGET=" + f.Name}
			for _, name := range f.Secrets {
				environment = append(environment, name+"="+secrets[name])
			}
			p := mustRun(t, mustBuild(t, f.Service), environment...)
			p.mustListen(t)
			functiontest.Do(t, p.url, functiontest.Request{Method: http.MethodGet, Path: f.Path()}).MustBe(t, http.StatusOK)
		})
	}
	if tested == 0 {
		t.Error("no function without a database was tested")
	}
}
