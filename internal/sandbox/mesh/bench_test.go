package mesh_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/region"
)

// BenchmarkRouterHTTP measures a weighted http route with the retry policy that Serin
// writes, its clients and its apps in this process, at several numbers of clients. The
// budget is 5,000 requests a second on two cores.
func BenchmarkRouterHTTP(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			benchmarkRouter(b, clients)
		})
	}
}

func benchmarkRouter(b *testing.B, clients int) {
	b.Helper()
	w := newWorld(b, region.Loopback{})
	w.service(appservice, types.PortProtocolHttp, 4567)
	w.version("yelb-appserver-stable")
	w.version("yelb-appserver-canary")
	spec := httpRoute(target("yelb-appserver-stable", 70), target("yelb-appserver-canary", 30))
	spec.HttpRoute.RetryPolicy = &types.HttpRetryPolicy{
		MaxRetries:      aws.Int64(2),
		PerRetryTimeout: &types.Duration{Unit: types.DurationUnitMs, Value: aws.Int64(2000)},
		HttpRetryEvents: []string{"server-error", "gateway-error"},
	}
	w.routes(appservice, spec)
	address := "http://" + w.mesh.HTTPAddress(appservice) + "/api/hostname"
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}

	var left atomic.Int64
	left.Store(int64(b.N))
	var running sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range clients {
		running.Go(func() {
			for left.Add(-1) >= 0 {
				request(b, client, address)
			}
		})
	}
	running.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

func request(b *testing.B, client *http.Client, address string) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.Error(err)
		return
	}
	response, err := client.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		b.Errorf("status %d", response.StatusCode)
	}
}
