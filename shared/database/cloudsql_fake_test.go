package database_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/cloudsqlconn"
	"golang.org/x/oauth2"
	sqladmin "google.golang.org/api/sqladmin/v1beta4"

	"souk/shared/config"
	"souk/shared/database"
)

// fakeInstance is a fake Cloud SQL instance: the two methods of the Admin API that the
// connector calls, and a TLS server that requires the client's certificate and forwards to
// the test's database server.
type fakeInstance struct {
	key   *rsa.PrivateKey
	cert  *x509.Certificate
	dials atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
	group sync.WaitGroup
}

const fakeName = "my-project:europe-west1:souk"

// mustStartInstance starts a fake instance and returns the settings and options to connect
// to it.
func mustStartInstance(t *testing.T, as database.Config) (*fakeInstance, database.Config, database.DialFunc, []cloudsqlconn.Option) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeInstance{key: key}
	f.cert = f.mustSign(t, &key.PublicKey, "my-project:souk")
	behind, err := database.ParseURL(string(as.URL))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{f.cert.Raw}, PrivateKey: key}},
		ClientAuth:   tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.group.Go(func() { f.serve(listener, behind.Net, behind.Addr) })
	api := httptest.NewTLSServer(f.api(t))
	t.Cleanup(func() {
		api.Close()
		_ = listener.Close()
		f.closeConnections()
		f.group.Wait()
	})
	settings := database.Config{
		InstanceConnectionName: fakeName, User: behind.User, Password: config.NewSecret(behind.Passwd), Name: behind.DBName, MaxOpenConns: 1,
	}
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
	}
	return f, settings, dial, []cloudsqlconn.Option{
		cloudsqlconn.WithHTTPClient(api.Client()), cloudsqlconn.WithAdminAPIEndpoint(api.URL),
		cloudsqlconn.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"})),
	}
}

// mustSign returns a certificate for a key.
func (f *fakeInstance) mustSign(t *testing.T, public crypto.PublicKey, name string) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, f.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// api responds to connectSettings and generateEphemeralCert
// (https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1beta4/connect).
func (f *fakeInstance) api(t *testing.T) http.HandlerFunc {
	encode := func(cert *x509.Certificate) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var response any = &sqladmin.ConnectSettings{
			BackendType: "SECOND_GEN", DatabaseVersion: "MYSQL_8_4", Region: "europe-west1",
			IpAddresses:  []*sqladmin.IpMapping{{IpAddress: "10.0.0.3", Type: "PRIMARY"}},
			ServerCaCert: &sqladmin.SslCert{Cert: encode(f.cert)},
		}
		if strings.HasSuffix(r.URL.Path, ":generateEphemeralCert") {
			var request sqladmin.GenerateEphemeralCertRequest
			if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
				t.Error(err)
			}
			block, _ := pem.Decode([]byte(request.PublicKey))
			public, err := x509.ParsePKIXPublicKey(block.Bytes)
			if err != nil {
				t.Error(err)
			}
			response = &sqladmin.GenerateEphemeralCertResponse{EphemeralCert: &sqladmin.SslCert{
				Cert: encode(f.mustSign(t, public, "Google Cloud SQL Client")), ExpirationTime: f.cert.NotAfter.Format(time.RFC3339),
			}}
		}
		if err := json.NewEncoder(w).Encode(response); err != nil {
			t.Error(err)
		}
	}
}

// serve forwards every connection to the database server.
func (f *fakeInstance) serve(listener net.Listener, network, address string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return // closed
		}
		f.dials.Add(1)
		server, err := new(net.Dialer).DialContext(context.Background(), network, address)
		if err != nil {
			_ = client.Close()
			continue
		}
		f.mu.Lock()
		f.conns = append(f.conns, client, server)
		f.mu.Unlock()
		for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
			f.group.Go(func() {
				_, _ = io.Copy(pair[0], pair[1]) // until either side closes
				_, _ = pair[0].Close(), pair[1].Close()
			})
		}
	}
}

// closeConnections closes every connection, like a server that restarts.
func (f *fakeInstance) closeConnections() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.conns {
		_ = conn.Close()
	}
	f.conns = nil
}
