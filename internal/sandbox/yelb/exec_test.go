package yelb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/yelb"
)

func TestHealthChecksReallyConnect(t *testing.T) {
	w := newTown(t, region.Loopback{})
	containers := map[string]ecs.Process{}
	for _, image := range []string{"yelb-ui:1", "yelb-appserver:fixed", "yelb-appserver:wrongport", "yelb-db:1", "yelb-redisserver:1", "aws-appmesh-envoy:v1"} {
		containers[image] = w.startWith(ecs.Container{Image: image, Hostname: "ip-10-0-0-7"})
	}
	const app, wrong, db, redis, ui, envoy = "yelb-appserver:fixed", "yelb-appserver:wrongport", "yelb-db:1", "yelb-redisserver:1", "yelb-ui:1", "aws-appmesh-envoy:v1"
	for _, c := range []struct {
		container, script string
		// fails is a part of the error, "" when the check passes.
		fails string
	}{
		{app, "curl -fsS http://localhost:4567/api/hostname || exit 1", ""},
		{app, "curl -f http://127.0.0.1:4567/api/hostname", ""},
		{app, "curl --fail --silent --max-time 2 ip-10-0-0-7:4567/api/hostname", ""},
		{app, `curl -s -o /dev/null -w "%{http_code}\n" http://localhost:4567/nope | grep -q '^404$'`, ""},
		{app, "curl -s http://localhost:4567/api/hostname | grep ip-10 | grep -q 0-7 >/dev/null 2>&1", ""},
		{app, "wget -q -O- http://localhost:4567/api/hostname", ""},
		{app, "wget -qO - http://localhost:4567/api/hostname | grep -i IP-10", ""},
		{app, "wget --spider -q http://localhost:4567/api/hostname > /dev/null", ""},
		{app, "nc -z localhost 4567 && echo up", ""},
		{app, "/usr/bin/nc -zv -w 1 localhost 4567;", ""},
		{app, "sh -c 'nc -z localhost 4567'", ""},
		{app, "false || true", ""},
		{app, "true || exit 3; true", ""},
		{ui, "curl -fsS http://localhost/ || exit 1", ""},
		{ui, "curl -fsS http://localhost | grep -F '<title>Yelb</title>'", ""},
		{db, "nc -z localhost 5432", ""},
		{db, "pg_isready -U postgres -h localhost -p 5432", ""},
		{db, "pg_isready", ""},
		{redis, "redis-cli -p 6379 ping | grep PONG", ""},
		{redis, "redis-cli ping | grep -v ERR", ""},
		{envoy, "curl -s http://localhost:9901/server_info | grep state | grep -q LIVE", ""},

		{wrong, "curl -fsS http://localhost:4567/api/hostname || exit 1", "exit code 1"},
		{wrong, "curl -fsS http://localhost:4567/api/hostname", "exit code 7: curl: (7)"},
		{wrong, "wget -q -O- http://localhost:4567/api/hostname", "exit code 4"},
		{wrong, "nc -z localhost 4567", "exit code 1"},
		{app, "curl -f http://localhost:4567/nope", "exit code 22: curl: (22) The requested URL returned error: 404"},
		{app, "curl -f http://elsewhere:4567/", "exit code 6"},
		{app, "curl -f https://localhost:4567/", "exit code 7"},
		{app, "curl -f", "exit code 2"},
		{app, "wget http://localhost:4567/nope", "exit code 8"},
		{app, "nc -z localhost", "exit code 1"},
		{app, "nc -z localhost http", "exit code 1"},
		{app, "redis-cli ping", "exit code 1"},
		{app, "pg_isready", "exit code 2"},
		{redis, "redis-cli nonsense", "exit code 1: Error: ERR unknown command"},
		{redis, "redis-cli ping | grep PANG", "exit code 1"},
		{redis, "pg_isready -p 6379", "exit code 2"},
		{app, "systemctl status", "exit code 127: sh: systemctl: not found"},
		{app, "true && exit 3; true", "exit code 3"},
		{app, "false && true", "exit code 1"},
		{app, "echo 'open", "exit code 2"},
		{app, "| grep x", "exit code 2"},
		{app, "grep '('", "exit code 2"},
	} {
		err := containers[c.container].Exec(t.Context(), []string{"CMD-SHELL", c.script})
		switch {
		case c.fails == "" && err != nil:
			t.Errorf("%s: %s: %v", c.container, c.script, err)
		case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
			t.Errorf("%s: %s: %v, want %q", c.container, c.script, err, c.fails)
		}
	}
}

func TestHealthChecksWithoutAShell(t *testing.T) {
	w := newTown(t, region.Loopback{})
	process := w.start("yelb-appserver:fixed")
	for _, command := range [][]string{
		{"CMD", "curl", "-f", "http://localhost:4567/api/hostname"},
		{"curl", "-f", "http://localhost:4567/api/hostname"},
		{"NONE"},
	} {
		if err := process.Exec(t.Context(), command); err != nil {
			t.Errorf("%v: %v", command, err)
		}
	}
	for _, command := range [][]string{{"CMD"}, nil, {"CMD", "curl -f http://localhost:4567/api/hostname"}} {
		if err := process.Exec(t.Context(), command); err == nil {
			t.Errorf("%v passed", command)
		}
	}
}

func TestAHealthCheckEndsWithItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, pipenet.New(), yelb.WithRandom(func(int) int { return 0 }))
		process := w.start("yelb-appserver:slow")
		for command, want := range map[string]string{
			"curl -m 0.1 http://localhost:4567/api/getvotes": "exit code 28",
			"wget -T 0.1 http://localhost:4567/api/getvotes": "exit code 4",
		} {
			start := time.Now()
			err := process.Exec(t.Context(), []string{"CMD-SHELL", command})
			if took := time.Since(start); err == nil || !strings.Contains(err.Error(), want) || took != 100*time.Millisecond {
				t.Errorf("%s: %v after %v", command, err, took)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		err := process.Exec(ctx, []string{"CMD-SHELL", "curl http://localhost:4567/api/getvotes || true"})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's error", err)
		}
	})
}
