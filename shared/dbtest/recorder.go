package dbtest

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/go-sql-driver/mysql"
)

// config is how a server, or a database on it, is reached.
type config = mysql.Config

// comQuery begins a packet that carries a statement: COM_QUERY of the protocol,
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query.html.
const comQuery = 0x03

// wire lies between programs and the server, and keeps each statement that passes,
// with its arguments in it; of those that differ in their arguments alone, the
// first few.
type wire struct {
	address string

	cut         context.CancelFunc
	connections sync.WaitGroup

	mu         sync.Mutex
	statements []string
	seen       map[string]int // how many of each shape
}

// examples is how many statements of one shape are kept: a plan may depend on the
// arguments.
const examples = 5

// lay lays a wire to a server that is reached without TLS.
func lay(ctx context.Context, server *config) (*wire, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the tests' statements: %w", err)
	}
	ctx, cut := context.WithCancel(ctx)
	w := &wire{address: listener.Addr().String(), cut: cut, seen: map[string]int{}}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	w.connections.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			w.connections.Go(func() { w.serve(ctx, client, server) })
		}
	})
	return w, nil
}

// close cuts the wire.
func (w *wire) close() {
	w.cut()
	w.connections.Wait()
}

// through returns the settings by which a database is reached through the wire.
func (w *wire) through(cfg *config) *config {
	tapped := cfg.Clone()
	tapped.Net, tapped.Addr = "tcp", w.address
	return tapped
}

// kept returns what has passed, in order.
func (w *wire) kept() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.statements)
}

func (w *wire) keep(statement string) {
	shape := shape(statement)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[shape]++; w.seen[shape] <= examples {
		w.statements = append(w.statements, statement)
	}
}

func (w *wire) serve(ctx context.Context, client net.Conn, to *config) {
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, to.Net, to.Addr)
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
func (w *wire) forward(server io.Writer, client *bufio.Reader) {
	for {
		var header [4]byte
		if _, err := io.ReadFull(client, header[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32([]byte{header[0], header[1], header[2], 0}))
		_, readErr := io.ReadFull(client, payload)
		if header[3] == 0 && len(payload) > 0 && payload[0] == comQuery {
			w.keep(string(payload[1:]))
		}
		_, writeErr := server.Write(append(header[:], payload...))
		if errors.Join(readErr, writeErr) != nil {
			return
		}
	}
}
