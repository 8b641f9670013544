package yelb

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// restaurantPath is what a restaurant's votes are cast at: this and its name.
	restaurantPath = "/api/"
	hostnamePath   = "/api/hostname"
	// storeTimeout bounds one conversation with yelb-db or yelb-redisserver.
	storeTimeout = 3 * time.Second
)

// restaurants are what people vote for, in the order in which they are listed.
var restaurants = [...]string{"outback", "bucadibeppo", "ihop", "chipotle"}

// recipe is what tells a version of yelb-appserver from the others.
type recipe struct {
	port int
	// perVote is how much one vote adds.
	perVote int
	// quirk wraps the API; nil for a version that behaves.
	quirk func(api http.Handler, random func(n int) int) http.Handler
}

func (r recipe) start(ctx context.Context, p *process) error {
	app := &appserver{process: p, perVote: r.perVote}
	api := app.handler()
	if r.quirk != nil {
		api = exceptHostname(api, r.quirk(api, p.runtime.random))
	}
	return p.listenHTTP(ctx, r.port, api)
}

// appserver is Yelb's API.
type appserver struct {
	process *process
	perVote int
}

// handler answers GET and HEAD on the paths of the API; anything else is not found, as
// in the original.
func (a *appserver) handler() http.Handler {
	paths := map[string]func(context.Context) (any, error){
		hostnamePath:     a.hostname,
		"/api/pageviews": a.pageviews,
		"/api/getstats":  a.stats,
		"/api/getvotes":  a.votes,
	}
	for _, name := range restaurants {
		paths[restaurantPath+name] = func(ctx context.Context) (any, error) { return a.vote(ctx, name) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := paths[r.URL.Path]
		if !ok || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", "*")
		ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
		defer cancel()
		result, err := answer(ctx)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		write(w, result)
	})
}

// write answers with text as it is, and with anything else as JSON.
func write(w http.ResponseWriter, result any) {
	if text, ok := result.(string); ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(result)
}

func (a *appserver) hostname(context.Context) (any, error) {
	return a.process.container.Hostname, nil
}

func (a *appserver) pageviews(ctx context.Context) (any, error) {
	count, err := a.countView(ctx)
	return fmt.Sprint(count), err
}

// statistics is the answer to /api/getstats; asking counts as a page view, as in the
// original.
type statistics struct {
	Hostname  string `json:"hostname"`
	Pageviews int64  `json:"pageviews"`
}

func (a *appserver) stats(ctx context.Context) (any, error) {
	count, err := a.countView(ctx)
	return statistics{Hostname: a.process.container.Hostname, Pageviews: count}, err
}

func (a *appserver) countView(ctx context.Context) (int64, error) {
	conn, err := a.process.runtime.dial(ctx, a.process.service("yelb-redisserver", redisPort))
	if err != nil {
		return 0, fmt.Errorf("yelb-redisserver cannot be reached: %w", err)
	}
	count, err := increment(ctx, conn, "pageviews")
	if err != nil {
		return 0, fmt.Errorf("yelb-redisserver cannot be reached: %w", err)
	}
	return count, nil
}

func (a *appserver) votes(ctx context.Context) (any, error) {
	conn, err := a.process.runtime.dial(ctx, a.process.service("yelb-db", databasePort))
	if err != nil {
		return nil, fmt.Errorf("yelb-db cannot be reached: %w", err)
	}
	tallies, err := askTallies(ctx, conn)
	if err != nil {
		return nil, fmt.Errorf("yelb-db cannot be reached: %w", err)
	}
	return tallies, nil
}

func (a *appserver) vote(ctx context.Context, name string) (any, error) {
	conn, err := a.process.runtime.dial(ctx, a.process.service("yelb-db", databasePort))
	if err != nil {
		return nil, fmt.Errorf("yelb-db cannot be reached: %w", err)
	}
	count, err := askVote(ctx, conn, name, a.perVote)
	if err != nil {
		return nil, fmt.Errorf("yelb-db cannot be reached: %w", err)
	}
	return fmt.Sprint(count), nil
}
