// Package visitors generates the traffic of Yelb's visitors: people who open the page,
// look at the votes, and vote now and then.
//
// It imports the standard library only.
package visitors

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// DefaultWorkers is how many requests are under way at most.
	DefaultWorkers = 64
	// patience is how long a visitor waits for an answer.
	patience = 20 * time.Second
	// idleFor is how long a connection is kept that no visitor uses.
	idleFor = time.Minute
	// beat is the shortest time between two looks at what is due; at higher rates
	// several requests leave at once.
	beat = 2 * time.Millisecond
	// mostBehind is how much lost time is made up for: more than that is a machine that
	// slept.
	mostBehind = time.Second
	// textBound is how much of an API's answer is read for its hostname.
	textBound = 4 << 10
)

// Dial opens the visitors' connections.
type Dial func(ctx context.Context, address string) (net.Conn, error)

// Option changes how Visitors work.
type Option func(*Visitors)

// WithWorkers bounds the requests that are under way at once; at least 1. When all are
// busy, what falls due meanwhile is not made up for.
func WithWorkers(workers int) Option {
	return func(v *Visitors) { v.workers = max(workers, 1) }
}

// WithRandom sets the source that the choice of requests draws from: a number in
// [0, n). It is called from one goroutine at a time.
func WithRandom(random func(n int) int) Option {
	return func(v *Visitors) { v.random = random }
}

// WithDial sets how connections are opened; without it they are TCP's.
func WithDial(dial Dial) Option {
	return func(v *Visitors) { v.dial = dial }
}

// WithPass has requests passed on instead of sent: pass says with which status a path is
// answered, 0 being no answer. It is called from one goroutine at a time.
func WithPass(pass func(path string) (status int)) Option {
	return func(v *Visitors) { v.pass, v.workers = pass, 1 }
}

// Counts says what the visitors have seen since they were made.
type Counts struct {
	// Requests is how many requests have ended, with or without an answer.
	Requests int64
	// ByStatus is how many answers had each HTTP status.
	ByStatus map[int]int64
	// Errors is how many requests had no answer, or not a whole one; LastError says why
	// the last of them failed.
	Errors    int64
	LastError string
	// Hostnames is how many answers came from each host of yelb-appserver, of those
	// answers that say so.
	Hostnames map[string]int64
	// Missed is how many requests were due while every worker was busy and as many
	// requests were waiting for one.
	Missed int64
}

// Visitors send requests to one page at a rate. All methods are safe for concurrent
// use.
type Visitors struct {
	page    string
	workers int
	random  func(n int) int
	dial    Dial
	pass    func(path string) int

	mu     sync.Mutex
	rate   float64
	counts Counts
	// cancel ends the visitors that run, nil when none do; done is closed when they
	// have ended.
	cancel context.CancelFunc
	done   chan struct{}
	// changed is sent to when the rate has changed.
	changed chan struct{}
}

// New makes visitors of a page, such as 127.0.0.1:8080 or http://127.0.0.1:8080, that
// send rate requests a second once they are started; 0 or less is none.
func New(page string, rate float64, options ...Option) *Visitors {
	if !strings.Contains(page, "://") {
		page = "http://" + page
	}
	v := &Visitors{
		page:    strings.TrimSuffix(page, "/"),
		workers: DefaultWorkers,
		random:  rand.IntN,
		rate:    rate,
		counts:  Counts{ByStatus: map[int]int64{}, Hostnames: map[string]int64{}},
		changed: make(chan struct{}, 1),
	}
	for _, option := range options {
		option(v)
	}
	return v
}

// Start lets the visitors come; they come until Stop. Starting twice is harmless.
func (v *Visitors) Start() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	v.cancel, v.done = cancel, done
	go v.run(ctx, done)
}

// Stop breaks off what is under way and returns when every goroutine has ended.
// Stopping twice is harmless, and the visitors can be started again.
func (v *Visitors) Stop() {
	v.mu.Lock()
	cancel, done := v.cancel, v.done
	v.cancel = nil
	v.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if done != nil {
		<-done
	}
}

// SetRate sets how many requests leave a second from now on; 0 or less is none.
func (v *Visitors) SetRate(rate float64) {
	v.mu.Lock()
	v.rate = rate
	v.mu.Unlock()
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// Rate is how many requests leave a second.
func (v *Visitors) Rate() float64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.rate
}

// Counts is a copy of what has been seen so far.
func (v *Visitors) Counts() Counts {
	v.mu.Lock()
	defer v.mu.Unlock()
	counts := v.counts
	counts.ByStatus = maps.Clone(counts.ByStatus)
	counts.Hostnames = maps.Clone(counts.Hostnames)
	return counts
}

// run paces the requests and has the workers send them.
func (v *Visitors) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	client := v.client()
	defer client.CloseIdleConnections()
	paths := make(chan string, v.workers)
	var workers sync.WaitGroup
	for range v.workers {
		workers.Go(func() {
			for path := range paths {
				v.visit(ctx, client, path)
			}
		})
	}
	v.pace(ctx, paths)
	close(paths)
	workers.Wait()
}

func (v *Visitors) client() *http.Client {
	transport := &http.Transport{
		MaxIdleConnsPerHost: v.workers,
		IdleConnTimeout:     idleFor,
		DisableCompression:  true,
	}
	if v.dial != nil {
		transport.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) { return v.dial(ctx, address) }
	}
	return &http.Client{Transport: transport, Timeout: patience}
}

// pace hands out a path whenever a request is due, until the context ends. What cannot
// be handed out is missed.
func (v *Visitors) pace(ctx context.Context, paths chan<- string) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.changed:
			next = time.Now()
		case <-timer.C:
		}
		rate := v.Rate()
		if rate <= 0 {
			timer.Stop()
			continue
		}
		between := time.Duration(float64(time.Second) / rate)
		now := time.Now()
		if now.Sub(next) > mostBehind {
			next = now
		}
		for !next.After(now) {
			next = next.Add(max(between, 1))
			select {
			case paths <- v.choose():
			default:
				v.miss()
			}
		}
		timer.Reset(max(next.Sub(now), beat))
	}
}

func (v *Visitors) miss() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counts.Missed++
}

// habits are the requests of a hundred.
var habits = [...]struct {
	path   string
	shares int
}{
	{"/", 15},
	{statsPath, 40},
	{"/api/getvotes", 35},
	{"/api/outback", 3},
	{"/api/bucadibeppo", 2},
	{"/api/ihop", 3},
	{"/api/chipotle", 2},
}

const statsPath = "/api/getstats"

func (v *Visitors) choose() string {
	draw := v.random(100)
	for _, habit := range habits {
		if draw < habit.shares {
			return habit.path
		}
		draw -= habit.shares
	}
	return "/"
}

// visit sends one request and counts what becomes of it. A request that Stop broke off
// does not count.
func (v *Visitors) visit(ctx context.Context, client *http.Client, path string) {
	status, hostname, err := v.ask(ctx, client, path)
	if ctx.Err() != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.counts.Requests++
	if err != nil {
		v.counts.Errors++
		v.counts.LastError = err.Error()
		return
	}
	v.counts.ByStatus[status]++
	if hostname != "" {
		v.counts.Hostnames[hostname]++
	}
}

// errUnanswered is the error of a request that was passed on to nobody.
var errUnanswered = errors.New("no answer")

func (v *Visitors) ask(ctx context.Context, client *http.Client, path string) (status int, hostname string, err error) {
	if v.pass == nil {
		return fetch(ctx, client, v.page+path)
	}
	if status = v.pass(path); status == 0 {
		return 0, "", errUnanswered
	}
	return status, "", nil
}

// fetch gets a page whole. The hostname is that of an answer of statistics.
func fetch(ctx context.Context, client *http.Client, url string) (status int, hostname string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, textBound))
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if err != nil {
		return 0, "", err
	}
	if response.StatusCode == http.StatusOK && strings.HasSuffix(url, statsPath) {
		var stats struct {
			Hostname string `json:"hostname"`
		}
		if json.Unmarshal(text, &stats) == nil {
			hostname = stats.Hostname
		}
	}
	return response.StatusCode, hostname, nil
}
