package yelb_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"serin/internal/sandbox/ecs"
	"serin/internal/sandbox/pipenet"
	"serin/internal/sandbox/region"
	"serin/internal/sandbox/yelb"
)

func TestTheCatalogue(t *testing.T) {
	got := map[string][]string{}
	digests := map[string]bool{}
	pattern := regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	for _, image := range yelb.Images() {
		got[image.Repository] = append(got[image.Repository], image.Tag)
		if !pattern.MatchString(image.Digest) || digests[image.Digest] || image.Pushed.IsZero() {
			t.Errorf("image %+v", image)
		}
		digests[image.Digest] = true
	}
	others := "1 2 crash late"
	want := map[string]string{
		"yelb-appserver":   "planted fixed wrongport flaky late slow crash",
		"yelb-db":          others,
		"yelb-redisserver": others,
		"yelb-ui":          others,
	}
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("repositories: %v", got)
	}
	for repository, tags := range want {
		if strings.Join(got[repository], " ") != tags {
			t.Errorf("%s: %v, want %s", repository, got[repository], tags)
		}
	}
	if !slices.Equal(yelb.Images(), yelb.Images()) {
		t.Error("the catalogue is not the same each time")
	}
}

func TestPull(t *testing.T) {
	w := newTown(t, region.Loopback{})
	const registry = "123456789012.dkr.ecr.us-west-2.amazonaws.com/"
	digest := yelb.Images()[0].Repository + "@" + yelb.Images()[0].Digest
	for _, image := range []string{
		"yelb-appserver:fixed", registry + "yelb-ui:1", "localhost:5000/yelb-db:late", registry + digest,
		registry + "yelb-appserver:anything@" + yelb.Images()[0].Digest,
		"840364872350.dkr.ecr.us-west-2.amazonaws.com/aws-appmesh-envoy:v1.29.12.1-prod",
		"public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod", "amazon/aws-xray-daemon", "curlimages/curl:8.1",
	} {
		if err := w.runtime.Pull(t.Context(), image); err != nil {
			t.Errorf("%s: %v", image, err)
		}
	}
	for image, ref := range map[string]string{
		"yelb-appserver":                 "docker.io/library/yelb-appserver:latest",
		"yelb-appserver:broken":          "docker.io/library/yelb-appserver:broken",
		"someone/yelb-ui:1":              "docker.io/someone/yelb-ui:1",
		registry + "yelb-appserver:nope": registry + "yelb-appserver:nope",
		"x:y":                            "docker.io/library/x:y",
		"yelb-ui@sha256:00":              "docker.io/library/yelb-ui@sha256:00",
	} {
		want := fmt.Sprintf("pull image manifest has been retried 1 time(s): failed to resolve ref %s: not found", ref)
		if err := w.runtime.Pull(t.Context(), image); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", image, err, want)
		}
		if _, err := w.runtime.Start(t.Context(), ecs.Container{Image: image}); err == nil {
			t.Errorf("%s started", image)
		}
	}
}

func TestEveryVersionListensOnItsPort(t *testing.T) {
	ports := map[string]int{"yelb-ui": 80, "yelb-appserver": 4567, "yelb-redisserver": 6379, "yelb-db": 5432}
	w := newTown(t, region.Loopback{})
	for _, image := range yelb.Images() {
		process := w.start(image.Repository + ":" + image.Tag)
		port := ports[image.Repository]
		if image.Tag == "wrongport" {
			if _, ok := process.Address(port); ok {
				t.Error("wrongport listens on the right port")
			}
			port = 4568
		}
		address, ok := process.Address(port)
		if ok == (image.Tag == "crash") {
			t.Errorf("%s:%s listens on %d: %v", image.Repository, image.Tag, port, ok)
		}
		if !ok {
			continue
		}
		conn, err := w.network.Dial(t.Context(), address)
		if err != nil {
			t.Errorf("%s:%s: %v", image.Repository, image.Tag, err)
			continue
		}
		_ = conn.Close()
	}
}

func TestStopEndsEverythingOfAContainer(t *testing.T) {
	for _, c := range []struct {
		image string
		port  int
	}{{"yelb-ui:1", 80}, {"yelb-appserver:fixed", 4567}, {"yelb-redisserver:1", 6379}, {"yelb-db:1", 5432}, {"amazon/aws-xray-daemon", 0}} {
		t.Run(c.image, func(t *testing.T) {
			w := newTown(t, region.Loopback{})
			process := w.start(c.image)
			var conn net.Conn
			address, listens := process.Address(c.port)
			if listens {
				var err error
				if conn, err = w.network.Dial(t.Context(), address); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
			}
			process.Stop()
			process.Stop()
			select {
			case <-process.Done():
			default:
				t.Fatal("not done after Stop")
			}
			if process.ExitCode() != 0 || process.Reason() != "" {
				t.Errorf("exit code %d, reason %q", process.ExitCode(), process.Reason())
			}
			if err := process.Exec(t.Context(), []string{"CMD", "true"}); err == nil {
				t.Error("a command ran in a stopped container")
			}
			if !listens {
				return
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Error("the connection is still open")
			}
			if _, err := w.network.Dial(t.Context(), address); err == nil {
				t.Error("the port is still open")
			}
			if _, ok := process.Address(c.port); ok {
				t.Error("the port still has an address")
			}
		})
	}
}

func TestVersionsThatDie(t *testing.T) {
	for _, image := range yelb.Images() {
		var lives time.Duration
		switch {
		case image.Tag == "crash":
			lives = 200 * time.Millisecond
		case image.Tag == "late" && image.Repository != "yelb-appserver":
			lives = 8 * time.Second
		default:
			continue
		}
		t.Run(image.Repository+":"+image.Tag, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, pipenet.New())
				start := time.Now()
				process := w.start(image.Repository + ":" + image.Tag)
				<-process.Done()
				if took := time.Since(start); took != lives || process.ExitCode() != 1 || process.Reason() == "" {
					t.Errorf("exit code %d (%s) after %v, want 1 after %v", process.ExitCode(), process.Reason(), took, lives)
				}
				process.Stop()
				if process.ExitCode() != 1 {
					t.Error("a late stop changed the exit code")
				}
			})
		})
	}
}

func TestTheOthersLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, pipenet.New())
		w.whole("yelb-appserver:fixed")
		time.Sleep(24 * time.Hour)
		for name, process := range w.homes {
			select {
			case <-process.Done():
				t.Errorf("%s has exited", name)
			default:
			}
		}
	})
}

func TestAClosedRuntimeHasStoppedAllAndStartsNothing(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.whole("yelb-appserver:fixed")
	w.runtime.Close()
	for name, process := range w.homes {
		select {
		case <-process.Done():
		default:
			t.Errorf("%s still runs", name)
		}
	}
	for _, image := range []string{"yelb-appserver:fixed", "yelb-db:1"} {
		if _, err := w.runtime.Start(t.Context(), ecs.Container{Image: image}); err == nil {
			t.Errorf("%s started", image)
		}
	}
}

func TestTheProtocolOfTheDatabase(t *testing.T) {
	w := newTown(t, region.Loopback{})
	process := w.start("yelb-db:1")
	address, _ := process.Address(5432)
	conn, err := w.network.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	for _, c := range []struct{ request, want string }{
		{"PING", "OK"},
		{"VOTE ihop 3", "OK 3"},
		{"VOTE ihop 0", "OK 3"},
		{"LIST", "OK 4|outback 0|bucadibeppo 0|ihop 3|chipotle 0"},
		{"VOTE nobody 1", "ERR no restaurant nobody"},
		{"VOTE ihop -1", "ERR a vote adds a number*"},
		{"VOTE ihop 2147483648", "ERR a vote adds a number*"},
		{"VOTE ihop", "ERR the requests are*"},
		{"", "ERR the requests are*"},
		{"SELECT 1", "ERR the requests are*"},
		{"VOTE ihop' 1", "ERR no restaurant*"},
	} {
		_, _ = io.WriteString(conn, c.request+"\n")
		for i, want := range strings.Split(c.want, "|") {
			line, err := answers.ReadString('\n')
			line = strings.TrimSuffix(line, "\n")
			prefix, open := strings.CutSuffix(want, "*")
			if err != nil || line != want && (!open || !strings.HasPrefix(line, prefix)) {
				t.Fatalf("%q, line %d: %q, %v; want %q", c.request, i, line, err, want)
			}
		}
	}
	_, _ = io.WriteString(conn, strings.Repeat("x", 300))
	if _, err := answers.ReadByte(); err == nil {
		t.Error("an endless request was answered")
	}
}
