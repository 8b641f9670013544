package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"serin/internal/headless"
)

func TestSandboxSaysHowToReachItAndEnds(t *testing.T) {
	t.Parallel()
	p := serin(t, "sandbox", "--output", "json", "--rate", "0")
	p.until("endpoint")
	var says struct {
		Endpoint, Page, Account string
		Exports                 map[string]string
	}
	if err := json.Unmarshal([]byte(p.lines[0]), &says); err != nil {
		t.Fatal(err)
	}
	if says.Exports["AWS_ENDPOINT_URL"] != says.Endpoint || len(says.Account) != 12 || says.Exports["AWS_ACCESS_KEY_ID"] == "" {
		t.Errorf("it says %+v", says)
	}
	if status, err := get(t, says.Page); err != nil || status != http.StatusOK {
		t.Errorf("Yelb's page answers %d, %v", status, err)
	}
	p.signal(os.Interrupt)
	p.exits(headless.ExitSucceeded)
	if _, err := get(t, says.Page); err == nil {
		t.Error("Yelb's page still answers")
	}
}

func TestSandboxPrintsExports(t *testing.T) {
	t.Parallel()
	p := serin(t, "sandbox", "--empty")
	p.until("interrupt to end it")
	p.signal(os.Interrupt)
	p.exits(headless.ExitSucceeded)
	text := strings.Join(p.lines, "")
	for _, want := range []string{"export AWS_ENDPOINT_URL=http://127.0.0.1:", "export AWS_REGION=us-west-2\n", "# Yelb: http://127.0.0.1:"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

func get(t *testing.T, url string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
