package chaos

import (
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// The size of a campaign. The defaults are those of `make test`.
var (
	orders          = flag.Int("orders", 60, "paid orders after which the campaign ends")
	functionKills   = flag.Int("function-kills", 6, "SIGKILL of a function's process")
	functionStops   = flag.Int("function-stops", 1, "SIGSTOP of a function's process")
	databaseKills   = flag.Int("database-kills", 1, "SIGKILL of the database server")
	databaseStops   = flag.Int("database-stops", 1, "SIGSTOP of the database server")
	systemKills     = flag.Int("system-kills", 1, "SIGKILL of the complete system")
	connectionKills = flag.Int("connection-kills", 2, "times that several database connections are closed")
	rowLocks        = flag.Int("row-locks", 1, "times that another client locks rows")
	providerKills   = flag.Int("provider-kills", 1, "SIGKILL of the payment provider")
	providerStops   = flag.Int("provider-stops", 1, "SIGSTOP of the payment provider")
	providerFaults  = flag.Int("provider-faults", 12, "faults of requests to the payment provider, and of its callbacks")
	providerTimeout = flag.Duration("provider-timeout", time.Second, "the longest time of a request to the payment provider")
	expire          = flag.Bool("expire", false, "wait until abandoned orders expire, after a minute, instead of cancelling them at the end")
	clients         = flag.Int("clients", 8, "clients at a time")
	seed            = flag.Uint64("seed", 0, "seed of the random choices; 0 chooses one")
	sweep           = flag.Bool("sweep", true, "run the outbox functions at the end, instead of waiting for the scheduler")
	quietWithin     = flag.Duration("quiet", 0, "the longest time from the last fault to the end of all work; 0 only measures it")
)

// settleTimeout bounds the wait for the end of all work after the faults.
const settleTimeout = 10 * time.Minute

// TestCampaign runs clients while faults are injected, waits until all work has ended, and
// compares the databases and the provider's books with the responses.
func TestCampaign(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	s := newSystem(t)
	s.start(t)
	shop := newShop(t, s)
	shop.register(t, 1+*orders/1000)
	shop.createProducts(t, 20)

	faults := newInjector(t, s, rand.New(rand.NewPCG(*seed, 1)))
	began := time.Now()
	var working, injecting sync.WaitGroup
	injecting.Go(func() { faults.run(shop.progress) })
	for i := range *clients {
		working.Go(func() {
			shop.work(t, rand.New(rand.NewPCG(*seed, uint64(2+i))), faults.done)
		})
	}
	injecting.Wait()
	working.Wait()
	t.Logf("%d orders acknowledged and %d paid in %s; faults: %s", shop.placed.Load(), len(shop.paid), time.Since(began).Round(time.Second), faults)
	// Lasting faults have ended by now. The time to quiet is measured from the end of
	// the last fault.
	faults.requireAllInjected(t)

	if err := s.provider.clearFaults(); err != nil {
		t.Error(err)
	}
	o := openOracle(t, s)
	if !*expire {
		shop.abandon(t, o.waiting(t, shop))
	}
	quiet := o.waitQuiet(t, faults.ended)
	t.Logf("all work ended %s after the last fault", quiet.Round(100*time.Millisecond))
	if *quietWithin > 0 && quiet > *quietWithin {
		t.Errorf("all work ended %s after the last fault, want %s", quiet, *quietWithin)
	}
	shop.replay(t)
	o.waitQuiet(t, time.Now()) // the replay of a request without an effect has one
	o.check(t, shop)
	o.checkMoney(t, shop)
	s.requireNoDeadLetters(t)
}
