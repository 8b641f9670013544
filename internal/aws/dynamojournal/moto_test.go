package dynamojournal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"serin/internal/aws"
	"serin/internal/aws/dynamojournal"
	"serin/internal/conformance/venv"
	"serin/internal/engine"
	"serin/internal/journal/journaltest"
)

// world is moto's DynamoDB behind a network that a test can spoil.
type world struct {
	clients *aws.Clients
	network *network
	// name is what the names of its tables begin with.
	name string

	mu     sync.Mutex
	tables int
}

// network carries requests to moto, one at a time: what is tried here is who wins, not who
// waits.
type network struct {
	to http.Handler

	mu sync.Mutex
	// lose says of an operation whether its answer is to be lost, after it was done.
	lose  func(operation string) bool
	calls map[string]int
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	n.mu.Lock()
	lost := n.lose != nil && n.lose(operation)
	n.calls[operation]++
	n.mu.Unlock()
	if lost {
		n.to.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	n.to.ServeHTTP(w, r)
}

// losing has the answers to the first calls of an operation lost.
func (n *network) losing(operation string, first int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = map[string]int{}
	n.lose = func(called string) bool { return called == operation && n.calls[operation] < first }
}

// called is how often an operation was called since losing.
func (n *network) called(operation string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[operation]
}

// startWorld starts moto and reaches it as aws.Connect reaches AWS.
func startWorld(t *testing.T) *world {
	t.Helper()
	return reach(t, venv.InTurn(t, venv.StartMoto(t)), "journal")
}

// apart is the same moto over a network that no other test spoils.
func (w *world) apart(t *testing.T, name string) *world {
	t.Helper()
	return reach(t, w.network.to, name)
}

func reach(t *testing.T, moto http.Handler, name string) *world {
	t.Helper()
	n := &network{to: moto, calls: map[string]int{}}
	front := httptest.NewServer(n)
	t.Cleanup(front.Close)
	const patient = time.Minute // moto imports DynamoDB when it is first asked
	clients, err := aws.Connect(t.Context(), aws.Options{
		Region: "us-west-2", Sandbox: front.URL,
		Deadlines: aws.Deadlines{Read: patient, ReadAttempt: patient, Write: patient, WriteAttempt: patient},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &world{clients: clients, network: n, name: name}
}

// table makes an empty table for a journal.
func (w *world) table(t *testing.T) string {
	t.Helper()
	w.mu.Lock()
	w.tables++
	name := fmt.Sprintf("%s-%d", w.name, w.tables)
	w.mu.Unlock()
	key := func(name string, kind types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &name, KeyType: kind}
	}
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	_, err := w.clients.DynamoDB.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: awssdk.String(name), BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{key("pk", types.KeyTypeHash), key("sk", types.KeyTypeRange)},
		AttributeDefinitions: []types.AttributeDefinition{text("pk"), text("sk")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func (w *world) open(t *testing.T, table string) *dynamojournal.Journal {
	t.Helper()
	j, err := dynamojournal.Open(t.Context(), w.clients.DynamoDB, w.clients.Where, table)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestConform(t *testing.T) {
	w := startWorld(t)
	journaltest.Conform(t, func(t *testing.T) engine.Journal {
		t.Helper()
		return w.open(t, w.table(t))
	})
	t.Run("lost answers", func(t *testing.T) { lostAnswers(t, w) })
	t.Run("writers are told apart", func(t *testing.T) { writersApart(t, w) })
	t.Run("others write at the same moment", func(t *testing.T) { crowded(t, w) })
	t.Run("rows that cannot be read", func(t *testing.T) { unreadable(t, w) })
	t.Run("tables that are refused", func(t *testing.T) { refused(t, w) })
	t.Run("the template's table", func(t *testing.T) { templated(t, w) })
}
