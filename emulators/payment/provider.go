package payment

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Provider is a payment provider. It is safe for concurrent use.
type Provider struct {
	options Options
	apiKey  [sha256.Size]byte
	page    *hostedPage
	handler http.Handler
	faults  faults

	mu sync.Mutex
	// url and webhookURL may change while the provider runs.
	url, webhookURL string
	// payments are in order of creation; index has their positions by id, tokens by page
	// token, references by the client's reference.
	payments   []*entry
	index      map[string]int
	tokens     map[string]int
	references map[string][]int
	events     []*event
	eventIndex map[string]*event
	keys       map[string]*storedKey
	keyOrder   []*storedKey // oldest first
	books      map[string]*Totals
	due        dueHeap[int] // positions of payments
	callbacks  dueHeap[*event]
	// behind are callbacks that wait for the next one: see Reorder.
	behind []*event
	last   time.Time
	// journal is nil without Options.Dir.
	journal *journal
	// changed receives a value when a callback or a change by time may be due earlier.
	changed chan struct{}
}

// New returns a new provider with the state of its journal. Close releases the journal.
func New(options Options) (*Provider, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	p := &Provider{
		options: options, apiKey: sha256.Sum256([]byte(options.APIKey)),
		url: strings.TrimSuffix(options.URL, "/"), webhookURL: options.WebhookURL,
		index: map[string]int{}, tokens: map[string]int{}, references: map[string][]int{},
		eventIndex: map[string]*event{}, keys: map[string]*storedKey{}, books: map[string]*Totals{},
		changed: make(chan struct{}, 1),
	}
	for _, f := range options.Faults {
		if err := p.Inject(f); err != nil {
			return nil, err
		}
	}
	var err error
	if p.page, err = newHostedPage(p); err != nil {
		return nil, fmt.Errorf("payment provider: %w", err)
	}
	if options.Dir != "" {
		if p.journal, err = openJournal(options.Dir, options.Logger, p.replay); err != nil {
			return nil, fmt.Errorf("payment provider: %w", err)
		}
	}
	p.handler = p.routes()
	return p, nil
}

// SetURL sets the address of the provider, which is in links to the payment page.
func (p *Provider) SetURL(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.url = strings.TrimSuffix(url, "/")
}

// SetWebhookURL sets where callbacks are sent. Those that wait are sent there too.
func (p *Provider) SetWebhookURL(url string) error {
	if err := checkWebhookURL(url); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.webhookURL = url
	p.wake()
	return nil
}

// ServeHTTP serves the API, the payment page and the control routes.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// Close closes the journal. Requests after it fail.
func (p *Provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t, ok := p.options.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	if p.journal == nil {
		return nil
	}
	if err := p.journal.close(); err != nil && !errors.Is(err, errClosed) {
		return fmt.Errorf("close the journal of payments: %w", err)
	}
	return nil
}

// now returns the time, which never goes back, so that payments and events are ordered by it.
// The caller must hold mu.
func (p *Provider) now() time.Time {
	if at := p.options.Clock(); at.After(p.last) {
		p.last = at
	}
	return p.last
}

// wake makes Run check what is due.
func (p *Provider) wake() {
	select {
	case p.changed <- struct{}{}:
	default: // a check is pending
	}
}
