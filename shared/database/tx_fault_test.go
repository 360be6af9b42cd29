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
	// loseAnswer has the next answer of the server end the link in its place.
	loseAnswer atomic.Bool
}

// onCommit decides about a commit's packet; with false the link ends.
type onCommit func(l *link, packet []byte) bool

// MustProxy returns db's URL by way of a proxy that asks decide about commits.
func MustProxy(t *testing.T, db database.URL, decide onCommit) database.URL {
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
	// What is encrypted cannot be told apart.
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
		owned.Go(l.answers)
		owned.Go(func() { l.commands(decide) })
	}
}

func (l *link) end() {
	_ = l.client.Close()
	_ = l.server.Close()
}

func (l *link) answers() {
	defer l.end()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil || l.loseAnswer.Load() {
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
		goesOn := true
		if bytes.Equal(buffer[:n], commitPacket) {
			goesOn = decide(l, buffer[:n])
		} else if _, err := l.server.Write(buffer[:n]); err != nil {
			return
		}
		if !goesOn {
			return
		}
	}
}

func pass(l *link, packet []byte) bool {
	_, err := l.server.Write(packet)
	return err == nil
}

// passAndLoseAnswer ends the link when the server has committed.
func passAndLoseAnswer(l *link, packet []byte) bool {
	l.loseAnswer.Store(true)
	return pass(l, packet)
}

// refuse answers in the server's place, which keeps the transaction open.
func refuse(l *link, _ []byte) bool {
	_, err := l.client.Write(errorPacket(1213, "40001", "Deadlock found"))
	return err == nil
}

// errorPacket is the server's answer to the first packet of a command; see
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_err_packet.html.
func errorPacket(number uint16, state, text string) []byte {
	body := binary.LittleEndian.AppendUint16([]byte{0xff}, number)
	body = append(body, "#"+state+text...)
	header := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	header[3] = 1
	return append(header, body...)
}

func MustOpen(t *testing.T, url database.URL) *database.DB {
	t.Helper()
	// One connection, so that what a failed transaction left on it would show.
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
		// What is seen afterwards.
		fails              bool
		tries, hooks, rows int
	}{
		{
			name: "an ambiguous commit is not tried again", first: passAndLoseAnswer,
			fails: true, tries: 1, hooks: 0, rows: 1,
		},
		{
			name: "a commit refused for a deadlock is, without what the first try left open", first: refuse,
			tries: 2, hooks: 1, rows: 1,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			direct := dbtest.New(t)
			MustExec(t, direct, `CREATE TABLE note (id INT PRIMARY KEY AUTO_INCREMENT)`)
			var commits atomic.Int32
			db := MustOpen(t, MustProxy(t, urlOf(t, direct), func(l *link, packet []byte) bool {
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
				t.Errorf("%v counts as one that had no effect", err)
			}
			got := [3]int{tries, hooks, MustQuery[int](t, direct, `SELECT COUNT(*) FROM note`)}
			if want := [3]int{tc.tries, tc.hooks, tc.rows}; got != want {
				t.Errorf("tries, hooks run and rows left are %v, want %v", got, want)
			}
		})
	}
}

// TestConnectionLost has the server kill the connection in the middle of a
// transaction, which the server then rolls back.
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
			id := MustQuery[int64](t, tx, `SELECT CONNECTION_ID()`)
			MustExec(t, db, `KILL ?`, id)
		}
		return add(ctx, tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	if tries != 2 {
		t.Errorf("ran %d times, want 2", tries)
	}
	if got := MustQuery[int](t, db, `SELECT balance FROM account WHERE id = 1`); got != 2 {
		t.Errorf("balance is %d, want 2", got)
	}
}

// urlOf is how the test reaches the database of db.
func urlOf(t *testing.T, db *database.DB) database.URL {
	t.Helper()
	cfg, err := database.ParseURL(string(dbtest.URL(t)))
	if err != nil {
		t.Fatal(err)
	}
	named := *cfg
	named.DBName = MustQuery[string](t, db, `SELECT DATABASE()`)
	return database.FormatURL(&named)
}
