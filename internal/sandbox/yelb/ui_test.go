package yelb_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"serin/internal/sandbox/region"
)

func TestThePageStandsAlone(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.start("yelb-ui:1")
	for _, path := range []string{"/", "/index.html"} {
		got := w.get("yelb-ui", 80, path)
		if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			t.Fatalf("%s: %d %v", path, got.status, got.header)
		}
		if found := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]+|@import|url\(|<script src|integrity=`).FindString(got.text); found != "" {
			t.Errorf("the page asks for something from elsewhere: %q", found)
		}
		if !strings.Contains(got.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Error("the page's policy lets it load from elsewhere")
		}
		for _, part := range []string{"getvotes", "getstats", "outback", "bucadibeppo", "ihop", "chipotle"} {
			if !strings.Contains(got.text, part) {
				t.Errorf("the page does not know %s", part)
			}
		}
	}
	if got := w.send(http.MethodHead, "yelb-ui", 80, "/"); got.status != http.StatusOK || got.text != "" {
		t.Errorf("HEAD: %d %q", got.status, got.text)
	}
	if got := w.send(http.MethodPost, "yelb-ui", 80, "/"); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d, want 405", got.status)
	}
	if got := w.get("yelb-ui", 80, "/nope"); got.status != http.StatusNotFound {
		t.Errorf("/nope: %d, want 404", got.status)
	}
}

func TestTheUIPassesTheAPIOn(t *testing.T) {
	w := newTown(t, region.Loopback{})
	w.whole("yelb-appserver:fixed")
	if got := w.get("yelb-ui", 80, "/api/ihop"); got.status != http.StatusOK || got.text != "1" {
		t.Errorf("a vote: %d %q", got.status, got.text)
	}
	if got := w.get("yelb-ui", 80, "/api/hostname"); !strings.HasPrefix(got.text, "ip-10-0-0-1") || got.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("hostname: %q %v", got.text, got.header)
	}
	if got := w.get("yelb-ui", 80, "/api/nope"); got.status != http.StatusNotFound {
		t.Errorf("/api/nope: %d, want 404", got.status)
	}
	w.homes["yelb-appserver"].Stop()
	got := w.get("yelb-ui", 80, "/api/hostname")
	if got.status != http.StatusBadGateway || !strings.Contains(got.text, "yelb-appserver cannot be reached") {
		t.Errorf("without the appserver: %d %q", got.status, got.text)
	}
}
