package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"souk/emulators/mysql"
	"souk/shared/database"
)

// chain is what Souk is not: three services that call each other while the customer waits.
// Order inserts an order and calls stock, which takes a unit and calls mail, which inserts a
// mail. Each has one transaction. Calls and statements pass proxies.
type chain struct {
	db      *database.DB
	client  *http.Client
	servers []*http.Server
	serving sync.WaitGroup
	// entry is the URL of the first service, and stock the proxy on the way to the second.
	entry string
	stock *proxy
	// attempts is how often a call is sent at most, as a mesh with retries does. Stock waits
	// for slow, and each response of it whose number lossy divides is lost; 0 loses none.
	attempts, slow, lossy, responses atomic.Int64
}

const (
	// chainTimeout is how long a service waits for the next.
	chainTimeout = 2 * time.Second
	chainStock   = 1_000_000
	chainName    = "souk_lab_chain"
)

// startChain starts the services, with a database of their own on a server.
func startChain(ctx context.Context, admin database.URL, r *routes) (*chain, error) {
	if _, err := mysql.CreateDatabase(ctx, admin, chainName); err != nil {
		return nil, err
	}
	url, err := mysql.DatabaseURL(admin, chainName)
	if err != nil {
		return nil, err
	}
	cfg, err := database.ParseURL(string(url))
	if err != nil {
		return nil, err
	}
	cfg.Addr = r.address(cfg.Addr)
	c := &chain{client: &http.Client{Timeout: chainTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	c.attempts.Store(1)
	if c.db, err = database.Open(database.Config{URL: database.FormatURL(cfg), MaxOpenConns: 20}); err != nil {
		return nil, err
	}
	if err := errors.Join(c.createTables(ctx), c.start(ctx, r)); err != nil {
		return nil, errors.Join(err, c.close(ctx))
	}
	return c, nil
}

func (c *chain) createTables(ctx context.Context) error {
	for _, statement := range []string{
		"CREATE TABLE placed (id BIGINT AUTO_INCREMENT PRIMARY KEY)",
		"CREATE TABLE mail (id BIGINT AUTO_INCREMENT PRIMARY KEY)",
		"CREATE TABLE stock (id INT PRIMARY KEY, available BIGINT NOT NULL)",
		fmt.Sprintf("INSERT INTO stock (id, available) VALUES (1, %d)", chainStock),
	} {
		if _, err := c.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("create the tables of the chain: %w", err)
		}
	}
	return nil
}

// start starts the services from the last to the first.
func (c *chain) start(ctx context.Context, r *routes) error {
	none := func(http.ResponseWriter) bool { return false }
	mail, err := c.serve(ctx, "INSERT INTO mail () VALUES ()", "", none)
	if err != nil {
		return err
	}
	stock, err := c.serve(ctx, "UPDATE stock SET available = available - 1 WHERE id = 1 AND available >= 1", r.address(mail), c.harm)
	if err != nil {
		return err
	}
	c.stock = r.to(stock)
	order, err := c.serve(ctx, "INSERT INTO placed () VALUES ()", r.address(stock), none)
	c.entry = r.address(order)
	return err
}

// serve starts a service that runs a statement in a transaction and then calls the next
// service, and returns its address. Harm may spoil a response, and reports whether it did.
func (c *chain) serve(ctx context.Context, statement, next string, harm func(http.ResponseWriter) bool) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start a service of the chain: %w", err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The effect lasts, also if the caller has given up.
		ctx := context.WithoutCancel(r.Context())
		err := c.db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.ExecContext(ctx, statement)
			return err
		})
		if err == nil && next != "" {
			err = c.call(ctx, next)
		}
		switch {
		case err != nil:
			w.WriteHeader(http.StatusBadGateway)
		case !harm(w):
			w.WriteHeader(http.StatusOK)
		}
	})
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	c.servers = append(c.servers, server)
	c.serving.Go(func() { _ = server.Serve(listener) }) // ends by close
	return listener.Addr().String(), nil
}

// harm makes the service stock slow, or loses its response after the effect.
func (c *chain) harm(w http.ResponseWriter) bool {
	time.Sleep(time.Duration(c.slow.Load()))
	lossy := c.lossy.Load()
	if lossy == 0 || c.responses.Add(1)%lossy != 0 {
		return false
	}
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	_ = connection.Close() // that is the harm
	return true
}

// call calls a service, and again if that fails and attempts are left.
func (c *chain) call(ctx context.Context, address string) error {
	for attempt := int64(1); ; attempt++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/", http.NoBody)
		if err != nil {
			return fmt.Errorf("call %s: %w", address, err)
		}
		response, err := c.client.Do(request)
		if err == nil {
			err = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				err = fmt.Errorf("call %s: status %d", address, response.StatusCode)
			}
		}
		if err == nil || attempt >= c.attempts.Load() {
			return err
		}
	}
}

// chainResult is what customers of the chain have seen.
type chainResult struct {
	latencies       []float64 // in milliseconds, of all requests
	sent, confirmed int
	// taken is the number of units that are gone from the stock.
	taken int64
}

// order places orders of a number of users one after the other for a time.
func (c *chain) order(ctx context.Context, users int, duration time.Duration) (result chainResult, err error) {
	before, err := c.available(ctx)
	if err != nil {
		return result, err
	}
	var mu sync.Mutex
	var ordering sync.WaitGroup
	for end := time.Now().Add(duration); users > 0; users-- {
		ordering.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				begin := time.Now()
				err := c.call(ctx, c.entry)
				took := float64(time.Since(begin).Microseconds()) / 1000
				mu.Lock()
				result.sent++
				result.latencies = append(result.latencies, took)
				if err == nil {
					result.confirmed++
				}
				mu.Unlock()
			}
		})
	}
	ordering.Wait()
	after, err := c.available(ctx)
	result.taken = before - after
	return result, err
}

func (c *chain) available(ctx context.Context) (units int64, err error) {
	if err := c.db.QueryRowContext(ctx, "SELECT available FROM stock WHERE id = 1").Scan(&units); err != nil {
		return 0, fmt.Errorf("read the stock of the chain: %w", err)
	}
	return units, nil
}

// close stops the services.
func (c *chain) close(ctx context.Context) error {
	var errs []error
	for _, server := range c.servers {
		errs = append(errs, server.Shutdown(ctx))
	}
	c.serving.Wait()
	c.client.CloseIdleConnections()
	return errors.Join(append(errs, c.db.Close())...)
}
