// Package cloudwatch is CloudWatch's metrics and alarms, in memory. What is recorded
// becomes visible only after the publish delay, so that a client meets metrics as late
// as AWS's are.
//
// It imports the SDK's types, internal/sandbox/region, clone and wire.
package cloudwatch

import (
	"sync"
	"time"

	"serin/internal/sandbox/region"
	"serin/internal/sandbox/wire"
)

// Service is CloudWatch in one region. It is safe for concurrent use and starts no
// goroutine: data become visible, and alarms are evaluated, when somebody looks.
type Service struct {
	region region.Region
	store  *store

	mu     sync.Mutex
	alarms map[string]*alarm
}

// New is CloudWatch with metrics that become visible a delay after they were recorded.
func New(r region.Region, delay time.Duration) *Service {
	return &Service{region: r, store: newStore(max(delay, 0)), alarms: make(map[string]*alarm)}
}

// Record adds a value that was measured at a moment to a metric. The values that one
// series gets within one second count as samples of their own and add up in the Sum.
// It keeps neither the map nor anything else of the caller's.
func (s *Service) Record(namespace, metric string, dimensions map[string]string, at time.Time, value float64) {
	s.store.series(namespace, metric, dimensions).add(time.Now(), at, "None", statisticsOf(value))
}

// Operations are what the front door offers of CloudWatch.
func (s *Service) Operations() []wire.Operation {
	return []wire.Operation{
		wire.Op("DeleteAlarms", s.DeleteAlarms),
		wire.Op("DescribeAlarms", s.DescribeAlarms),
		wire.Op("GetMetricData", s.GetMetricData),
		wire.Op("GetMetricStatistics", s.GetMetricStatistics),
		wire.Op("ListMetrics", s.ListMetrics),
		wire.Op("PutMetricAlarm", s.PutMetricAlarm),
		wire.Op("PutMetricData", s.PutMetricData),
		wire.Op("SetAlarmState", s.SetAlarmState),
	}
}
