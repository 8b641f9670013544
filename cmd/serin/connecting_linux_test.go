package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"serin/internal/headless"
)

// onServer starts serin in a terminal, with a server in place of AWS.
func onServer(t *testing.T, answer http.HandlerFunc) *terminal {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	home := t.TempDir()
	return inTerminalWith(t, []string{
		"HOME=" + home, "XDG_STATE_HOME=" + home, "AWS_ENDPOINT_URL=" + server.URL, "AWS_REGION=us-west-2",
		"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
	})
}

// The console is there, and can be left, though AWS does not answer.
func TestTheConsoleDoesNotWaitForAWS(t *testing.T) {
	t.Parallel()
	asked, over := make(chan struct{}, 8), make(chan struct{})
	term := onServer(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	defer close(over)
	term.until("connecting to http://127.0.0.1")
	<-asked
	term.press("d")
	term.until("not yet")
	term.press("q")
	term.exits(headless.ExitSucceeded)
}

// Credentials that AWS does not take end the console, and are told once the terminal is
// as it was.
func TestACallerWhoIsRefusedIsToldAfterTheConsole(t *testing.T) {
	t.Parallel()
	drawn := make(chan struct{})
	term := onServer(t, func(w http.ResponseWriter, _ *http.Request) {
		<-drawn
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>`+
			`<Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>`)
	})
	term.until("connecting to http://127.0.0.1")
	close(drawn)
	term.exits(headless.ExitFailed)
	_, after, left := strings.Cut(term.text(), "\x1b[?1049l")
	if !left || !strings.Contains(after, "serin: ") || !strings.Contains(after, "The security token included in the request is invalid.") {
		t.Errorf("after the console it says %q", after)
	}
}
