package dbtest

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"souk/shared/database"
)

// Fate is what a Proxy does with a statement.
type Fate = *fate

type fate struct {
	kind    fateKind
	failure []byte
}

type fateKind int

const (
	pass fateKind = iota
	cutBefore
	cutAfter
	hang
	runThenHang
	hangInResult
	fail
)

var (
	// Pass forwards the statement and its response.
	Pass = &fate{kind: pass}
	// CutBefore closes the connection; the server does not receive the statement.
	CutBefore = &fate{kind: cutBefore}
	// CutAfter closes the connection after the server has run the statement.
	CutAfter = &fate{kind: cutAfter}
	// Hang stops forwarding in both directions and leaves the connection open.
	Hang = &fate{kind: hang}
	// RunThenHang is like Hang, after the server has received the statement.
	RunThenHang = &fate{kind: runThenHang}
	// HangInResult is like Hang, after the first bytes of the response.
	HangInResult = &fate{kind: hangInResult}
)

// Fail responds with a server error; the server does not receive the statement. See
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_err_packet.html.
func Fail(number uint16, state, message string) Fate {
	body := binary.LittleEndian.AppendUint16([]byte{0xff}, number)
	body = append(body, "#"+state+message...)
	packet := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	packet[3] = 1
	return &fate{kind: fail, failure: append(packet, body...)}
}

// Proxy is between a program and the server, and decides the fate of each statement.
type Proxy struct {
	// URL is the database by way of the proxy.
	URL database.URL

	server  string
	decide  func(statement string) Fate
	hanging atomic.Bool
	links   sync.WaitGroup
}

// NewProxy returns a new proxy to the database at url. It calls decide with each
// statement, concurrently.
func NewProxy(t testing.TB, url database.URL, decide func(statement string) Fate) *Proxy {
	t.Helper()
	cfg := mustParse(t, url)
	if cfg.Net != "tcp" {
		t.Skip("the server is reached by a socket")
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{server: cfg.Addr, decide: decide}
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	p.links.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.links.Go(func() { p.serve(ctx, client) })
		}
	})
	t.Cleanup(func() {
		end()
		_ = listener.Close()
		p.links.Wait()
	})
	cfg.Addr = listener.Addr().String()
	cfg.TLSConfig = "false" // encrypted statements cannot be read
	p.URL = database.FormatURL(cfg)
	return p
}

// Hang makes the proxy stop forwarding, on new connections too, like a server that accepts
// and never responds. Hang(false) makes it forward again on new connections.
func (p *Proxy) Hang(hangs bool) { p.hanging.Store(hangs) }

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	ctx            context.Context
	end            context.CancelFunc
	muted          atomic.Bool // responses are dropped
	cut            atomic.Bool // the next response ends the link
	muteNext       atomic.Bool // only the beginning of the next response is forwarded
	statements     statementTexts
}

func (p *Proxy) serve(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return // The client reports the error.
	}
	defer func() { _ = server.Close() }()
	ctx, end := context.WithCancel(ctx)
	l := &link{client: client, server: server, ctx: ctx, end: end}
	stop := context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})
	defer stop()
	var responses sync.WaitGroup
	responses.Go(func() {
		defer end()
		p.responses(l)
	})
	p.commands(l)
	end()
	responses.Wait()
}

func (p *Proxy) responses(l *link) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil || l.cut.Load() {
			return
		}
		l.statements.response(buffer[:n])
		if l.muted.Load() || p.hanging.Load() {
			continue
		}
		if l.muteNext.Load() {
			l.muted.Store(true)
			n = min(n, responseBeginning)
		}
		if _, err := l.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// responseBeginning is more than the header of a result with a few columns.
const responseBeginning = 500

// commands forwards packets, each with three bytes of length, a number and a payload.
func (p *Proxy) commands(l *link) {
	client := bufio.NewReader(l.client)
	for {
		var header [4]byte
		if _, err := io.ReadFull(client, header[:]); err != nil {
			return
		}
		payload := make([]byte, binary.LittleEndian.Uint32([]byte{header[0], header[1], header[2], 0}))
		if _, err := io.ReadFull(client, payload); err != nil {
			return
		}
		decided := Pass
		if header[3] == 0 {
			if statement := l.statements.command(payload); statement != "" {
				decided = p.decide(statement)
			}
		}
		if p.hanging.Load() {
			decided = Hang
		}
		if !l.apply(decided, append(header[:], payload...)) {
			return
		}
	}
}

// apply applies a fate to a packet. It reports whether the link continues.
func (l *link) apply(f Fate, packet []byte) bool {
	switch f.kind {
	case cutBefore:
		return false
	case hang, runThenHang:
		l.muted.Store(true)
		if f.kind == runThenHang {
			if _, err := l.server.Write(packet); err != nil {
				return false
			}
		}
		// Until the client closes the connection.
		_, _ = io.Copy(io.Discard, l.client)
		return false
	case hangInResult:
		l.muteNext.Store(true)
		_, err := l.server.Write(packet)
		return err == nil
	case fail:
		_, err := l.client.Write(f.failure)
		return err == nil
	case cutAfter:
		l.cut.Store(true)
		if _, err := l.server.Write(packet); err == nil {
			<-l.ctx.Done()
		}
		return false
	default:
		_, err := l.server.Write(packet)
		return err == nil
	}
}
