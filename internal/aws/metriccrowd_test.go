package aws

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"serin/internal/engine"
)

// ofShop asks for the last minutes of a version of one of many services.
func ofShop(number, minutes int) engine.ResponseQuery {
	now := time.Now().Truncate(time.Minute)
	query := countsOf("aaaa", now.Add(time.Duration(-minutes)*time.Minute), now)
	query.Service.Name = fmt.Sprint("shop", number)
	return query
}

// together has metrics asked for each of the queries by a caller of its own, all but the
// first of them gathered, and returns the answers in the order of the queries.
func together(t *testing.T, metrics *Metrics, queries ...engine.ResponseQuery) (answers []engine.Responses, failed []error) {
	t.Helper()
	if _, err := metrics.Responses(t.Context(), []engine.ResponseQuery{ofShop(-1, 1)}); err != nil {
		t.Fatal(err)
	}
	answers, failed = make([]engine.Responses, len(queries)), make([]error, len(queries))
	var asking sync.WaitGroup
	for i, query := range queries {
		asking.Go(func() {
			got, err := metrics.Responses(t.Context(), []engine.ResponseQuery{query})
			if failed[i] = err; err == nil {
				answers[i] = got[0]
			}
		})
	}
	asking.Wait()
	return answers, failed
}

// The rollouts of a process share requests, and each gets what is its own.
func TestRolloutsShareRequestsOfMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &metricFake{data: func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
			out := &cloudwatch.GetMetricDataOutput{}
			for _, query := range in.MetricDataQueries {
				result := types.MetricDataResult{Id: query.Id, StatusCode: types.StatusCodeComplete}
				var number int
				_, _ = fmt.Sscanf(dimension(query, "TaskDefinitionFamily"), "shop%d", &number)
				if dimension(query, "envoy_response_code_class") == "2" {
					for at := *in.StartTime; at.Before(*in.EndTime); at = at.Add(time.Minute) {
						result.Timestamps, result.Values = append(result.Timestamps, at), append(result.Values, float64(number))
					}
				}
				out.MetricDataResults = append(out.MetricDataResults, result)
			}
			return out, nil
		}}
		began := time.Now()
		var queries []engine.ResponseQuery
		for i := range 250 {
			queries = append(queries, ofShop(i, 3+i%4))
		}
		answers, failed := together(t, NewMetrics(fake, here()), queries...)
		for i, answer := range answers {
			if failed[i] != nil || len(answer.Buckets) != 3+i%4 || answer.Buckets[0].Class(2) != float64(i) ||
				!answer.Buckets[0].Start.Equal(queries[i].From) || !answer.ReadAt.Equal(time.Now()) {
				t.Errorf("%d: %+v, %v", i, answer, failed[i])
			}
		}
		if len(fake.dataAsked) != 4 || time.Since(began) != metricsGathered {
			t.Errorf("%d requests, after %s", len(fake.dataAsked), time.Since(began))
		}
	})
}

// spans are the minutes and the queries of each request after the first, in no order: they
// are made at the same time.
func spans(asked []cloudwatch.GetMetricDataInput) (out []string) {
	for _, in := range asked[1:] {
		out = append(out, fmt.Sprintf("%s %d", in.EndTime.Sub(*in.StartTime), len(in.MetricDataQueries)/5))
	}
	slices.Sort(out)
	return out
}

// high has a query ask for every second.
func high(query engine.ResponseQuery) engine.ResponseQuery {
	query.Period = time.Second
	return query
}

// Nobody downloads the past that another one asks for, and what CloudWatch would answer
// differently together is asked apart.
func TestWindowsThatDoNotFitAreAskedApart(t *testing.T) {
	five := func(query engine.ResponseQuery) engine.ResponseQuery {
		query.Period = 5 * time.Minute
		return query
	}
	for name, c := range map[string]struct {
		queries []engine.ResponseQuery
		want    []string
	}{
		"a few periods":    {[]engine.ResponseQuery{ofShop(1, 2), ofShop(2, 12), ofShop(3, 5)}, []string{"12m0s 3"}},
		"too many":         {[]engine.ResponseQuery{ofShop(1, 2), ofShop(2, 13), ofShop(3, 5)}, []string{"13m0s 1", "5m0s 2"}},
		"as much again":    {[]engine.ResponseQuery{ofShop(1, 40), ofShop(2, 80)}, []string{"1h20m0s 2"}},
		"a long history":   {[]engine.ResponseQuery{ofShop(1, 600), ofShop(2, 5), ofShop(3, 5)}, []string{"10h0m0s 1", "5m0s 2"}},
		"other periods":    {[]engine.ResponseQuery{ofShop(1, 5), high(ofShop(2, 5)), five(ofShop(3, 5))}, []string{"5m0s 1", "5m0s 1", "5m0s 1"}},
		"seconds are gone": {[]engine.ResponseQuery{high(ofShop(1, 179)), high(ofShop(2, 181))}, []string{"2h59m0s 1", "3h1m0s 1"}},
		"no time at all":   {[]engine.ResponseQuery{ofShop(1, 5), ofShop(2, 0)}, []string{"5m0s 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			queries := c.queries
			synctest.Test(t, func(t *testing.T) {
				moved := time.Now().Truncate(time.Minute)
				for i, query := range queries {
					queries[i].From, queries[i].To = moved.Add(query.From.Sub(query.To)), moved
				}
				fake := answering(nil)
				_, failed := together(t, NewMetrics(fake, here()), queries...)
				if got := spans(fake.dataAsked); fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("asked for %q, want %q; %v", got, c.want, failed)
				}
			})
		})
	}
}

// A metric that is forbidden, or cannot be read, is the trouble of those who ask for it.
func TestAMetricsTroubleIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := map[string]types.StatusCode{"shop1": types.StatusCodeForbidden, "shop2": types.StatusCodeInternalError, "shop3": types.StatusCodePartialData}
		fake := &metricFake{data: func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
			out := &cloudwatch.GetMetricDataOutput{}
			for _, query := range in.MetricDataQueries {
				result := types.MetricDataResult{Id: query.Id, StatusCode: status[dimension(query, "TaskDefinitionFamily")]}
				out.MetricDataResults = append(out.MetricDataResults, result)
			}
			return out, nil
		}}
		_, failed := together(t, NewMetrics(fake, here()), ofShop(0, 5), ofShop(1, 5), ofShop(2, 5), ofShop(3, 5), ofShop(4, 5))
		wantFault(t, failed[1], engine.Denied, "cloudwatch:GetMetricData")
		wantFault(t, failed[2], engine.Transient, "could not read the metric")
		wantFault(t, failed[3], engine.Transient, "a part of the data")
		if failed[0] != nil || failed[4] != nil || len(fake.dataAsked) != 2 {
			t.Errorf("%v, %d requests", failed, len(fake.dataAsked))
		}
	})
}

// A request that is refused for one query is repeated for each caller; one that is throttled,
// or unanswered, is not.
func TestARefusedRequestIsRepeatedInParts(t *testing.T) {
	refused := func(err error) *metricFake {
		wrong := func(in *cloudwatch.GetMetricDataInput) bool {
			for _, query := range in.MetricDataQueries {
				if dimension(query, "TaskDefinitionFamily") == "shop1" {
					return true
				}
			}
			return false
		}
		return &metricFake{data: func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
			if wrong(in) {
				return nil, err
			}
			return answering(nil).data(in)
		}}
	}
	synctest.Test(t, func(t *testing.T) {
		fake := refused(said("CloudWatch", "GetMetricData", 400, "ValidationError", "no such dimension"))
		_, failed := together(t, NewMetrics(fake, here()), ofShop(0, 5), ofShop(1, 5), ofShop(2, 5))
		wantFault(t, failed[1], engine.Invalid, "no such dimension")
		if failed[0] != nil || failed[2] != nil || len(fake.dataAsked) != 5 {
			t.Errorf("%v, %d requests", failed, len(fake.dataAsked))
		}
	})
	for name, trouble := range map[string]error{
		"throttled": said("CloudWatch", "GetMetricData", 400, "ThrottlingException", "Rate exceeded"),
		"lost":      lostConnection(), "expired": said("CloudWatch", "GetMetricData", 403, "ExpiredToken", "x"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := refused(trouble)
				_, failed := together(t, NewMetrics(fake, here()), ofShop(0, 5), ofShop(1, 5), ofShop(2, 5))
				for _, err := range failed {
					wantFault(t, err, engine.KindOf(here().fault(context.Background(), "", "", trouble)))
				}
				if len(fake.dataAsked) != 2 {
					t.Errorf("%d requests", len(fake.dataAsked))
				}
			})
		})
	}
}

// fine is the period of a request for every second.
func fine(in *cloudwatch.GetMetricDataInput) bool {
	return *in.MetricDataQueries[0].MetricStat.Period == 1
}

// What befalls one request is no trouble of those who are in another, whatever it is.
func TestARequestsTroubleIsItsOwn(t *testing.T) {
	for _, trouble := range troubles() {
		t.Run(trouble.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &metricFake{data: func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
					if fine(in) {
						return nil, trouble.err("CloudWatch", "GetMetricData")
					}
					return counting(in)
				}}
				answers, failed := together(t, NewMetrics(fake, here()), ofShop(1, 5), high(ofShop(2, 5)), ofShop(3, 5))
				if failed[0] != nil || failed[2] != nil || len(answers[0].Buckets) != 5 || len(answers[2].Buckets) != 5 {
					t.Errorf("%+v, %v", answers, failed)
				}
				wantFault(t, failed[1], trouble.kind)
				if len(fake.dataAsked) != 3 {
					t.Errorf("%d requests", len(fake.dataAsked))
				}
			})
		})
	}
}

// counting answers one response of each class in every minute.
func counting(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	out := &cloudwatch.GetMetricDataOutput{}
	for _, query := range in.MetricDataQueries {
		result := types.MetricDataResult{Id: query.Id, StatusCode: types.StatusCodeComplete}
		for at := *in.StartTime; at.Before(*in.EndTime); at = at.Add(time.Minute) {
			result.Timestamps, result.Values = append(result.Timestamps, at), append(result.Values, 1)
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
	}
	return out, nil
}

// hanging is a CloudWatch that never answers requests for every second.
type hanging struct {
	*metricFake
}

func (h hanging) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, set ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	if fine(in) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.metricFake.GetMetricData(ctx, in, set...)
}

// A request that hangs delays those who are in another one by nothing: one whole crowd of
// them the others.
func TestARequestThatHangsDelaysNoOther(t *testing.T) {
	for name, crowd := range map[string]int{"one": 1, "more than are made at a time": 101 * atOnce} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				metrics := NewMetrics(hanging{&metricFake{data: counting}}, here())
				if _, err := metrics.Responses(t.Context(), []engine.ResponseQuery{ofShop(-1, 1)}); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				patient, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				var asking sync.WaitGroup
				for i := range crowd {
					asking.Go(func() {
						if _, err := metrics.Responses(patient, []engine.ResponseQuery{high(ofShop(i, 1))}); !errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("%d: %v", i, err)
						}
					})
				}
				for i := range 3 {
					asking.Go(func() {
						answers, err := metrics.Responses(t.Context(), []engine.ResponseQuery{ofShop(i, 5)})
						if err != nil || len(answers[0].Buckets) != 5 || time.Since(began) != metricsGathered {
							t.Errorf("%+v, %v, after %s", answers, err, time.Since(began))
						}
					})
				}
				asking.Wait()
			})
		})
	}
}

// Who asks in several requests is told what befell one of them, and once.
func TestWhoAsksInSeveralRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &metricFake{data: func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
			if fine(in) {
				return nil, said("CloudWatch", "GetMetricData", 400, "ThrottlingException", "Rate exceeded")
			}
			return counting(in)
		}}
		metrics := NewMetrics(fake, here())
		_, err := metrics.Responses(t.Context(), []engine.ResponseQuery{ofShop(1, 5), high(ofShop(1, 5)), ofShop(1, 500)})
		wantFault(t, err, engine.Transient, "Rate exceeded")
		answers, err := metrics.Responses(t.Context(), []engine.ResponseQuery{ofShop(1, 5), ofShop(1, 500), ofShop(1, 0)})
		if err != nil || len(answers[0].Buckets) != 5 || len(answers[1].Buckets) != 500 || len(answers[2].Buckets) != 0 {
			t.Errorf("%v", err)
		}
	})
}

// Placeholders are filled in once, wherever they are; a brace that begins none stays.
func TestPlaceholdersAreFilledInOnce(t *testing.T) {
	query := countsOf("{class}", minute(0), minute(1))
	query.Source = engine.MetricSource{Namespace: "n/{service}", Name: "{x{class}{sha}{", Dimensions: map[string]string{"d{class}": "{version}", "e": "{environment}{"}}
	asked, err := newWindow(query)
	if err != nil {
		t.Fatal(err)
	}
	for class, metric := range asked.metrics() {
		got := fmt.Sprint(*metric.Namespace, " ", *metric.MetricName)
		for _, one := range metric.Dimensions {
			got += " " + aws.ToString(one.Name) + "=" + aws.ToString(one.Value)
		}
		want := fmt.Sprintf("n/yelb-appserver {x%d{class}{ d%d=yelb-appserver-{class} e=ecs-blogpost{", class+1, class+1)
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
