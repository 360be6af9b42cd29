package dbtest

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"souk/shared/database"
)

// Cut is what a Proxy does with a statement.
type Cut int

const (
	// Pass forwards the statement.
	Pass Cut = iota
	// CutBefore ends the connection; the server does not get the statement.
	CutBefore
	// CutAfter ends the connection when the server has run the statement; the client
	// does not get the result.
	CutAfter
)

// Proxy forwards the connections of a pool to its server, and has a test decide on
// each statement.
type Proxy struct {
	url  database.URL
	hook atomic.Pointer[func(statement string) Cut]
}

// NewProxy returns a proxy to the server of url, until the test ends.
func NewProxy(t testing.TB, url database.URL) *Proxy {
	t.Helper()
	server := mustParse(t, url)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.Clone()
	cfg.Net, cfg.Addr = "tcp", listener.Addr().String()
	p := &Proxy{url: database.FormatURL(cfg)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() { p.serve(ctx, client, server) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		cancel()
		connections.Wait()
	})
	return p
}

// URL returns the URL of the database through the proxy.
func (p *Proxy) URL() database.URL { return p.url }

// OnStatement has hook decide on each statement from now on. It may block. nil
// passes all.
func (p *Proxy) OnStatement(hook func(statement string) Cut) {
	if hook == nil {
		p.hook.Store(nil)
		return
	}
	p.hook.Store(&hook)
}

func (p *Proxy) decide(statement string) Cut {
	if hook := p.hook.Load(); hook != nil {
		return (*hook)(statement)
	}
	return Pass
}

func (p *Proxy) serve(ctx context.Context, client net.Conn, to *config) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, to.Net, to.Addr)
	if err != nil {
		return // the client's own error reports it
	}
	end := func() { _ = errors.Join(client.Close(), server.Close()) }
	defer end()
	defer context.AfterFunc(ctx, end)()
	var swallow atomic.Bool
	var responses sync.WaitGroup
	responses.Go(func() {
		defer end()
		buffer := make([]byte, 32<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil || swallow.Load() {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	p.forward(server, bufio.NewReader(client), &swallow)
	if !swallow.Load() {
		end()
	}
	responses.Wait()
}

// forward forwards packets, as wire does, until the client or the proxy ends the
// connection.
func (p *Proxy) forward(server io.Writer, client *bufio.Reader, swallow *atomic.Bool) {
	for {
		var header [4]byte
		if _, err := io.ReadFull(client, header[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32([]byte{header[0], header[1], header[2], 0}))
		if _, err := io.ReadFull(client, payload); err != nil {
			return
		}
		cut := Pass
		if header[3] == 0 && len(payload) > 0 && payload[0] == comQuery {
			cut = p.decide(string(payload[1:]))
		}
		if cut == CutBefore {
			return
		}
		swallow.Store(cut == CutAfter)
		if _, err := server.Write(append(header[:], payload...)); err != nil || cut == CutAfter {
			return
		}
	}
}

// Open opens a database of Create's, with at most size connections, until the test
// ends.
func Open(t testing.TB, url database.URL, size int) *database.DB {
	t.Helper()
	db, err := database.Open(database.Config{URL: url, MaxOpenConns: size})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test's database: %v", err)
		}
	})
	return db
}

// SetAll runs a SET statement in every session of a pool of size connections, which
// must all be idle.
func SetAll(t testing.TB, db *database.DB, size int, statement string) {
	t.Helper()
	var connections []*sql.Conn
	for range size {
		connection, err := db.SQL().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		connections = append(connections, connection)
		if _, err := connection.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, connection := range connections {
		if err := connection.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
