package database_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// commitPacket is COM_QUERY (0x03) COMMIT as the driver sends it.
var commitPacket = []byte("\x07\x00\x00\x00\x03COMMIT")

// link is one connection through the proxy between driver and server.
type link struct {
	client, server net.Conn
	// loseReply closes the link in place of the server's next reply.
	loseReply atomic.Bool
}

// onCommit handles the packet of a commit. The link ends if it returns false.
type onCommit func(l *link, packet []byte) bool

// mustProxy returns db's URL by way of a proxy that calls decide for commits.
func mustProxy(t *testing.T, db database.URL, decide onCommit) database.URL {
	t.Helper()
	cfg, err := database.ParseURL(string(db))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Net != "tcp" {
		t.Skip("the server is reached by socket")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := cfg.Addr
	var owned sync.WaitGroup
	owned.Go(func() { accept(t, listener, server, decide, &owned) })
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		owned.Wait()
	})
	cfg.Addr = listener.Addr().String()
	// Encrypted packets cannot be recognized.
	cfg.TLSConfig = "false"
	return database.FormatURL(cfg)
}

func accept(t *testing.T, listener net.Listener, address string, decide onCommit, owned *sync.WaitGroup) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", address)
		if err != nil {
			t.Errorf("dial the server: %v", err)
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server}
		owned.Go(l.replies)
		owned.Go(func() { l.commands(decide) })
	}
}

func (l *link) end() {
	_ = l.client.Close()
	_ = l.server.Close()
}

func (l *link) replies() {
	defer l.end()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil || l.loseReply.Load() {
			return
		}
		if _, err := l.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (l *link) commands(decide onCommit) {
	defer l.end()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			return
		}
		continues := true
		if bytes.Equal(buffer[:n], commitPacket) {
			continues = decide(l, buffer[:n])
		} else if _, err := l.server.Write(buffer[:n]); err != nil {
			return
		}
		if !continues {
			return
		}
	}
}

func pass(l *link, packet []byte) bool {
	_, err := l.server.Write(packet)
	return err == nil
}

// passAndLoseReply closes the link after the server has committed.
func passAndLoseReply(l *link, packet []byte) bool {
	l.loseReply.Store(true)
	return pass(l, packet)
}

// refuse replies in place of the server, whose transaction stays open.
func refuse(l *link, _ []byte) bool {
	_, err := l.client.Write(errorPacket(1213, "40001", "Deadlock found"))
	return err == nil
}

// errorPacket returns the server's error reply to the first packet of a command; see
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_err_packet.html.
func errorPacket(number uint16, state, text string) []byte {
	body := binary.LittleEndian.AppendUint16([]byte{0xff}, number)
	body = append(body, "#"+state+text...)
	header := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	header[3] = 1
	return append(header, body...)
}

func mustOpen(t *testing.T, url database.URL) *database.DB {
	t.Helper()
	// One connection, so that effects of a failed transaction on it are detected.
	db, err := database.Open(database.Config{URL: url, MaxOpenConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestCommitFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		first onCommit
		// The expected outcome.
		fails              bool
		tries, hooks, rows int
	}{
		{
			name: "a commit with an unknown outcome is not retried", first: passAndLoseReply,
			fails: true, tries: 1, hooks: 0, rows: 1,
		},
		{
			name: "a commit refused because of a deadlock is retried in a new transaction", first: refuse,
			tries: 2, hooks: 1, rows: 1,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			direct := dbtest.New(t)
			mustExec(t, direct, `CREATE TABLE note (id INT PRIMARY KEY AUTO_INCREMENT)`)
			var commits atomic.Int32
			db := mustOpen(t, mustProxy(t, mustURL(t, direct), func(l *link, packet []byte) bool {
				if commits.Add(1) == 1 {
					return tc.first(l, packet)
				}
				return pass(l, packet)
			}))

			tries, hooks := 0, 0
			err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
				tries++
				tx.AfterCommit(func(context.Context) { hooks++ })
				return exec(`INSERT INTO note VALUES ()`)(ctx, tx)
			})
			if (err != nil) != tc.fails {
				t.Errorf("got error %v, want one: %t", err, tc.fails)
			}
			if database.IsUnavailable(err) {
				t.Errorf("%v counts as unavailable", err)
			}
			got := [3]int{tries, hooks, mustQuery[int](t, direct, `SELECT COUNT(*) FROM note`)}
			if want := [3]int{tc.tries, tc.hooks, tc.rows}; got != want {
				t.Errorf("tries, hooks and rows are %v, want %v", got, want)
			}
		})
	}
}

// TestConnectionLost kills the connection during a transaction, which the server then rolls
// back.
func TestConnectionLost(t *testing.T) {
	t.Parallel()
	db := newAccounts(t)
	tries := 0
	err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		tries++
		add := exec(`UPDATE account SET balance = balance + 1 WHERE id = 1`)
		if err := add(ctx, tx); err != nil {
			return err
		}
		if tries == 1 {
			id := mustQuery[int64](t, tx, `SELECT CONNECTION_ID()`)
			mustExec(t, db, `KILL ?`, id)
		}
		return add(ctx, tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if tries != 2 {
		t.Errorf("ran %d times, want 2", tries)
	}
	if got := mustQuery[int](t, db, `SELECT balance FROM account WHERE id = 1`); got != 2 {
		t.Errorf("balance is %d, want 2", got)
	}
}

// mustURL returns the URL of the database of db.
func mustURL(t *testing.T, db *database.DB) database.URL {
	t.Helper()
	cfg, err := database.ParseURL(string(dbtest.URL(t)))
	if err != nil {
		t.Fatal(err)
	}
	named := *cfg
	named.DBName = mustQuery[string](t, db, `SELECT DATABASE()`)
	return database.FormatURL(&named)
}
