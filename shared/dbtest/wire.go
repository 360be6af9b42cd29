package dbtest

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	"souk/shared/database"
)

// comQuery begins a packet that carries a statement: COM_QUERY of the protocol,
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query.html.
const comQuery = 0x03

// Wire lies between a program and the database, and keeps each statement that
// passes, with its arguments in it.
type Wire struct {
	// URL is the database as the program is to reach it.
	URL database.URL

	mu         sync.Mutex
	statements []string
}

// Tap lays a wire to a database that is reached by TCP without TLS. It stays until
// the test ends.
func Tap(t testing.TB, url database.URL) *Wire {
	t.Helper()
	cfg := mustParse(t, url)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for the tapped program: %v", err)
	}
	server := cfg.Addr
	network := cfg.Net
	cfg.Net, cfg.Addr = "tcp", listener.Addr().String()
	w := &Wire{URL: database.FormatURL(cfg)}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Go(func() { w.serve(client, network, server) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		connections.Wait()
	})
	return w
}

// Statements returns what has passed, in order.
func (w *Wire) Statements() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.statements)
}

func (w *Wire) serve(client net.Conn, network, address string) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(context.Background(), network, address)
	if err != nil {
		return // The program's own error tells.
	}
	var answers sync.WaitGroup
	answers.Go(func() { _, _ = io.Copy(client, server) })
	w.forward(server, bufio.NewReader(client))
	_ = server.Close()
	answers.Wait()
}

// forward passes on packets, each three bytes of length, a number and a payload,
// until the client is gone.
func (w *Wire) forward(server io.Writer, client *bufio.Reader) {
	for {
		var header [4]byte
		if _, err := io.ReadFull(client, header[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32([]byte{header[0], header[1], header[2], 0}))
		_, readErr := io.ReadFull(client, payload)
		if header[3] == 0 && len(payload) > 0 && payload[0] == comQuery {
			w.mu.Lock()
			w.statements = append(w.statements, string(payload[1:]))
			w.mu.Unlock()
		}
		_, writeErr := server.Write(append(header[:], payload...))
		if errors.Join(readErr, writeErr) != nil {
			return
		}
	}
}
