package mesh

import (
	"maps"
	"strconv"
	"time"

	"serin/internal/sandbox/cloudmap"
)

// Names of what the CloudWatch agent publishes of Envoy's counters: AWS's stock App
// Mesh configuration for Container Insights with the set that names the virtual node.
const (
	metricsNamespace   = "ECS/ContainerInsights/Prometheus"
	requestsMetric     = "envoy_http_downstream_rq_xx"
	connectionsMetric  = "envoy_tcp_downstream_cx_total"
	dimensionCluster   = "ClusterName"
	dimensionFamily    = "TaskDefinitionFamily"
	dimensionNode      = "appmesh_virtual_node"
	dimensionHTTP      = "envoy_http_conn_manager_prefix"
	dimensionTCP       = "envoy_tcp_prefix"
	dimensionClass     = "envoy_response_code_class"
	ingressPrefix      = "ingress"
	responseClassCount = 5
)

// scrape is what the last reading of a task's counters found. Only the scraper's
// goroutine touches it.
type scrape struct {
	series []*series
}

// series is one counter of a task, and the sets of dimensions that its increase is
// published under.
type series struct {
	metric string
	sets   []map[string]string
	read   func() uint64
	last   uint64
}

func (m *Mesh) scrapeForever() {
	ticker := time.NewTicker(m.interval)
	defer ticker.Stop()
	for {
		select {
		case <-m.ctx.Done():
			return
		case now := <-ticker.C:
			// A listener that cannot be opened now is tried again at the next scrape,
			// and whoever asks for it gets the error.
			_ = m.Sync(m.ctx)
			m.scrapeAll(now)
		}
	}
}

// scrapeAll reads the counters of every task that a resolver sees, and forgets those
// that it no longer sees: what they counted since the last scrape is lost, as it is with
// the agent.
func (m *Mesh) scrapeAll(now time.Time) {
	nodes := m.current().nodes
	for _, key := range sortedKeys(nodes) {
		d := nodes[key]
		alive := map[any]bool{}
		for _, instance := range m.discovery.Instances(d.namespace, d.service) {
			if has(instance, d.attributes) {
				alive[instance.ID] = true
				m.scrape(d, instance, now)
			}
		}
		d.node.tasks.Range(func(id, _ any) bool {
			if !alive[id] {
				d.node.tasks.Delete(id)
			}
			return true
		})
	}
}

// scrape publishes by how much a task's counters rose since the last scrape. The first
// scrape of a task publishes nothing, because there is nothing to compare with
// (CloudWatch agent documentation, Prometheus metric type conversion). Instances that
// ECS did not register are not scraped: the agent finds tasks by ECS's discovery.
func (m *Mesh) scrape(d *destination, instance cloudmap.Instance, now time.Time) {
	t := d.node.task(instance.ID)
	if t.scrape.series == nil {
		t.scrape.series = newSeries(d, instance, t)
		for _, s := range t.scrape.series {
			s.last = s.read()
		}
		return
	}
	for _, s := range t.scrape.series {
		value := s.read()
		for _, dimensions := range s.sets {
			m.recorder.Record(metricsNamespace, s.metric, dimensions, now, float64(value-s.last))
		}
		s.last = value
	}
}

// newSeries are the series of a task: one for connections, or one for each class of
// answers.
func newSeries(d *destination, instance cloudmap.Instance, t *task) []*series {
	cluster, family := instance.Attributes[attributeCluster], instance.Attributes[attributeFamily]
	if cluster == "" || family == "" {
		return nil
	}
	whole := map[string]string{dimensionCluster: cluster, dimensionFamily: family}
	if d.wire == wireTCP {
		prefix := with(whole, dimensionTCP, ingressPrefix)
		return []*series{{
			metric: connectionsMetric,
			sets:   []map[string]string{with(prefix, dimensionNode, d.node.name), prefix, whole},
			read:   t.connections.Load,
		}}
	}
	all := make([]*series, 0, responseClassCount)
	for class := 1; class <= responseClassCount; class++ {
		ofClass := with(with(whole, dimensionHTTP, ingressPrefix), dimensionClass, strconv.Itoa(class))
		all = append(all, &series{
			metric: requestsMetric,
			sets:   []map[string]string{with(ofClass, dimensionNode, d.node.name), ofClass, whole},
			read:   t.answers[class].Load,
		})
	}
	return all
}

// with is a copy of dimensions with one more.
func with(dimensions map[string]string, name, value string) map[string]string {
	more := maps.Clone(dimensions)
	more[name] = value
	return more
}
