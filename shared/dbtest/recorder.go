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

// config holds the connection parameters of a server or database.
type config = mysql.Config

// comQuery is the first byte of a packet with a statement: COM_QUERY of the protocol,
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query.html.
const comQuery = 0x03

// recorder is a proxy to a server. It records the statements with their arguments; of those
// that differ only in their arguments, the first few.
type recorder struct {
	address string

	cut         context.CancelFunc
	connections sync.WaitGroup

	mu         sync.Mutex
	statements []string
	seen       map[string]int // number of statements by shape
}

// examples is how many statements of one shape are recorded: a plan may depend on the
// arguments.
const examples = 5

// newRecorder returns a new recorder for a server without TLS.
func newRecorder(ctx context.Context, server *config) (*recorder, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the tests' statements: %w", err)
	}
	ctx, cut := context.WithCancel(ctx)
	w := &recorder{address: listener.Addr().String(), cut: cut, seen: map[string]int{}}
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

// close closes all connections.
func (w *recorder) close() {
	w.cut()
	w.connections.Wait()
}

// through returns the connection parameters of a database by way of the recorder.
func (w *recorder) through(cfg *config) *config {
	proxied := cfg.Clone()
	proxied.Net, proxied.Addr = "tcp", w.address
	return proxied
}

// recorded returns the recorded statements, in order.
func (w *recorder) recorded() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.statements)
}

func (w *recorder) record(statement string) {
	shape := shape(statement)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen[shape]++; w.seen[shape] <= examples {
		w.statements = append(w.statements, statement)
	}
}

func (w *recorder) serve(ctx context.Context, client net.Conn, to *config) {
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, to.Net, to.Addr)
	if err != nil {
		return // The client reports the error.
	}
	var responses sync.WaitGroup
	responses.Go(func() { _, _ = io.Copy(client, server) })
	w.forward(server, bufio.NewReader(client))
	_ = server.Close()
	responses.Wait()
}

// forward forwards packets, each with three bytes of length, a number and a payload,
// until the client disconnects.
func (w *recorder) forward(server io.Writer, client *bufio.Reader) {
	for {
		var header [4]byte
		if _, err := io.ReadFull(client, header[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32([]byte{header[0], header[1], header[2], 0}))
		_, readErr := io.ReadFull(client, payload)
		if header[3] == 0 && len(payload) > 0 && payload[0] == comQuery {
			w.record(string(payload[1:]))
		}
		_, writeErr := server.Write(append(header[:], payload...))
		if errors.Join(readErr, writeErr) != nil {
			return
		}
	}
}
