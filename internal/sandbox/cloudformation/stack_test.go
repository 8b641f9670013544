package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	meshsdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	meshtypes "github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func TestVersionStackComesAndGoes(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.environment()
		id := w.create(w.version("3f2a91c0"))
		if got := w.describe(id); got.StackStatus != types.StackStatusCreateInProgress {
			t.Errorf("at first the stack is %s", got.StackStatus)
		}
		stack := w.await("ecs-blogpost-yelb-appserver-3f2a91c0", types.StackStatusCreateComplete)
		node := "arn:aws:appmesh:us-west-2:123456789012:mesh/ecs-blogpost/virtualNode/yelb-appserver-3f2a91c0"
		if len(stack.Outputs) != 1 || *stack.Outputs[0].OutputValue != node {
			t.Errorf("outputs %v", stack.Outputs)
		}
		w.checkVersion(t)
		created := w.history(id)
		order := []string{
			"ecs-blogpost-yelb-appserver-3f2a91c0 CREATE_IN_PROGRESS User Initiated",
			"Registry CREATE_IN_PROGRESS",
			"Registry CREATE_IN_PROGRESS Resource creation Initiated",
			"Registry CREATE_COMPLETE",
			"VirtualNode CREATE_IN_PROGRESS",
			"VirtualNode CREATE_COMPLETE",
			"TaskDefinition CREATE_IN_PROGRESS",
			"TaskDefinition CREATE_COMPLETE",
			"Service CREATE_IN_PROGRESS",
			"Service CREATE_IN_PROGRESS Resource creation Initiated",
			"Service CREATE_COMPLETE",
			"ecs-blogpost-yelb-appserver-3f2a91c0 CREATE_COMPLETE",
		}
		for i := 1; i < len(order); i++ {
			if index(t, created, order[i-1]) > index(t, created, order[i]) {
				t.Errorf("%q comes after %q", order[i-1], order[i])
			}
		}
		w.checkEvents(t, id)

		w.delete(&sdk.DeleteStackInput{StackName: stack.StackName, ClientRequestToken: aws.String("gone")})
		w.await(id, types.StackStatusDeleteComplete)
		deleted := w.history(id)[len(created):]
		for _, pair := range [][2]string{
			{"Service DELETE_COMPLETE", "TaskDefinition DELETE_IN_PROGRESS"},
			{"TaskDefinition DELETE_COMPLETE", "VirtualNode DELETE_IN_PROGRESS"},
			{"VirtualNode DELETE_COMPLETE", "Registry DELETE_IN_PROGRESS"},
		} {
			if index(t, deleted, pair[0]) > index(t, deleted, pair[1]) {
				t.Errorf("%q comes after %q", pair[0], pair[1])
			}
		}
		if w.cluster.running() != 0 || len(w.mesh.View().VirtualNodes) != 0 {
			t.Error("something is left of the version")
		}
		_, err := w.DescribeStacks(t.Context(), &sdk.DescribeStacksInput{StackName: stack.StackName})
		wantError(t, err, "ValidationError", "Stack with id ecs-blogpost-yelb-appserver-3f2a91c0 does not exist")
		if again := w.describe(id); again.DeletionTime == nil {
			t.Error("a deleted stack has no deletion time")
		}
		w.delete(&sdk.DeleteStackInput{StackName: stack.StackName})
		if w.create(w.version("3f2a91c0")) == id {
			t.Error("a stack of the same name has the deleted one's id")
		}
	})
}

// checkVersion checks what the services were asked to make.
func (w *world) checkVersion(t *testing.T) {
	t.Helper()
	node := w.mesh.View().VirtualNodes["ecs-blogpost/yelb-appserver-3f2a91c0"]
	if node == nil {
		t.Fatal("there is no virtual node")
	}
	listener := node.Spec.Listeners[0]
	discovery, ok := node.Spec.ServiceDiscovery.(*meshtypes.ServiceDiscoveryMemberAwsCloudMap)
	if *listener.PortMapping.Port != 4567 || *listener.HealthCheck.Path != "/api/hostname" || *listener.HealthCheck.IntervalMillis != 5000 ||
		!ok || *discovery.Value.ServiceName != "yelb-appserver-3f2a91c0" {
		t.Errorf("virtual node %+v, %+v", listener, node.Spec.ServiceDiscovery)
	}
	definition, service := w.cluster.definitions[0], w.cluster.created[0]
	app, envoy := definition.ContainerDefinitions[0], definition.ContainerDefinitions[1]
	if *definition.Cpu != "256" || len(definition.ProxyConfiguration.Properties) != 4 || *app.PortMappings[0].ContainerPort != 4567 ||
		app.DependsOn[0].Condition != "HEALTHY" || *envoy.HealthCheck.Retries != 3 ||
		*envoy.Environment[0].Value != "mesh/ecs-blogpost/virtualNode/yelb-appserver-3f2a91c0" {
		t.Errorf("task definition %+v", definition)
	}
	subnets := service.NetworkConfiguration.AwsvpcConfiguration.Subnets
	if *service.Cluster != "ecs-blogpost" || len(subnets) != 1 || !strings.HasPrefix(subnets[0], "subnet-") ||
		!strings.HasSuffix(*service.TaskDefinition, "task-definition/yelb-appserver:1") ||
		!strings.Contains(*service.ServiceRegistries[0].RegistryArn, ":service/srv-") {
		t.Errorf("service %+v", service)
	}
}

// checkEvents checks what every event of a creation has.
func (w *world) checkEvents(t *testing.T, id string) {
	t.Helper()
	seen := make(map[string]bool)
	events := w.events(id)
	for i, e := range events {
		if seen[*e.EventId] {
			t.Errorf("event %s twice", *e.EventId)
		}
		seen[*e.EventId] = true
		if *e.StackId != id || aws.ToString(e.ClientRequestToken) != "token-3f2a91c0" || aws.ToString(e.ResourceType) == "" {
			t.Errorf("event %+v", e)
		}
		if i > 0 && !e.Timestamp.After(*events[i-1].Timestamp) {
			t.Errorf("event %s is not after the one before", *e.EventId)
		}
		if e.ResourceStatus == types.ResourceStatusCreateComplete && aws.ToString(e.PhysicalResourceId) == "" {
			t.Errorf("%s is complete without a physical id", *e.LogicalResourceId)
		}
	}
}

const tripped = `Resource handler returned message: "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."`

func TestFailedCreation(t *testing.T) {
	cases := []struct {
		name            string
		onFailure       types.OnFailure
		disableRollback *bool
		want            types.StackStatus
		reason          string
		left            int
	}{
		{"default", "", nil, types.StackStatusRollbackComplete, "ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Service]. Rollback requested by user.", 0},
		{"rollback", types.OnFailureRollback, nil, types.StackStatusRollbackComplete, "ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Service]. Rollback requested by user.", 0},
		{"delete", types.OnFailureDelete, nil, types.StackStatusDeleteComplete, "DELETE_IN_PROGRESS The following resource(s) failed to create: [Service]. Delete requested by user.", 0},
		{"do nothing", types.OnFailureDoNothing, nil, types.StackStatusCreateFailed, "CREATE_FAILED The following resource(s) failed to create: [Service].", 1},
		{"disable rollback", "", aws.Bool(true), types.StackStatusCreateFailed, "CREATE_FAILED The following resource(s) failed to create: [Service].", 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				t := w.t
				w.environment()
				w.cluster.broken = true
				in := w.version("9bd0417e")
				in.OnFailure, in.DisableRollback = c.onFailure, c.disableRollback
				id := w.create(in)
				w.await(id, c.want)
				history := w.history(id)
				index(t, history, *in.StackName+" "+c.reason)
				if !strings.Contains(strings.Join(history, "\n"), "Service CREATE_FAILED "+tripped) {
					t.Errorf("no such failure in\n%s", strings.Join(history, "\n"))
				}
				if w.cluster.running() != c.left {
					t.Errorf("%d services are left", w.cluster.running())
				}
				w.delete(&sdk.DeleteStackInput{StackName: &id})
				w.await(id, types.StackStatusDeleteComplete)
				if w.cluster.running() != 0 {
					t.Error("a service is left")
				}
			})
		})
	}
}

func TestDeletionCancelsCreation(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.environment()
		w.cluster.never = true
		id := w.create(w.version("9bd0417e"))
		w.awaitEvent(id, "Service", "CREATE_IN_PROGRESS")
		w.delete(&sdk.DeleteStackInput{StackName: &id, ClientRequestToken: aws.String("stop")})
		if got := w.describe(id).StackStatus; got != types.StackStatusDeleteInProgress {
			t.Errorf("the stack is %s", got)
		}
		w.await(id, types.StackStatusDeleteComplete)
		history := w.history(id)
		if index(t, history, "Service CREATE_FAILED Resource creation cancelled") > index(t, history, "Service DELETE_IN_PROGRESS") {
			t.Error("the service is deleted before its creation is cancelled")
		}
		if w.cluster.running() != 0 || len(w.mesh.View().VirtualNodes) != 0 {
			t.Error("something is left of the version")
		}
	})
}

func TestTimeout(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.environment()
		w.cluster.never = true
		in := w.version("9bd0417e")
		in.TimeoutInMinutes = aws.Int32(2)
		id := w.create(in)
		stack := w.await(id, types.StackStatusRollbackComplete)
		if *stack.TimeoutInMinutes != 2 {
			t.Errorf("timeout %d", *stack.TimeoutInMinutes)
		}
		index(t, w.history(id), *in.StackName+" ROLLBACK_IN_PROGRESS Stack creation time exceeded the specified timeout. Rollback requested by user.")
		index(t, w.history(id), "Service CREATE_FAILED Resource creation cancelled")
	})
}

func TestVirtualNodeOnARouteCannotBeDeleted(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		w.environment()
		id := w.create(w.version("3f2a91c0"))
		w.await(id, types.StackStatusCreateComplete)
		mesh, router, route := aws.String("ecs-blogpost"), aws.String("yelb-appserver-vr"), aws.String("yelb-appserver-route")
		_, err := w.mesh.CreateVirtualRouter(t.Context(), &meshsdk.CreateVirtualRouterInput{
			MeshName: mesh, VirtualRouterName: router, Spec: &meshtypes.VirtualRouterSpec{Listeners: []meshtypes.VirtualRouterListener{{
				PortMapping: &meshtypes.PortMapping{Port: aws.Int32(4567), Protocol: meshtypes.PortProtocolHttp},
			}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.mesh.CreateRoute(t.Context(), &meshsdk.CreateRouteInput{
			MeshName: mesh, VirtualRouterName: router, RouteName: route, Spec: &meshtypes.RouteSpec{HttpRoute: &meshtypes.HttpRoute{
				Match: &meshtypes.HttpRouteMatch{Prefix: aws.String("/")},
				Action: &meshtypes.HttpRouteAction{WeightedTargets: []meshtypes.WeightedTarget{
					{VirtualNode: aws.String("yelb-appserver-3f2a91c0"), Weight: 1},
				}},
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.delete(&sdk.DeleteStackInput{StackName: &id})
		stack := w.await(id, types.StackStatusDeleteFailed)
		if got := *stack.StackStatusReason; got != "The following resource(s) failed to delete: [VirtualNode]. " {
			t.Errorf("reason %q", got)
		}
		history := strings.Join(w.history(id), "\n")
		for _, part := range []string{
			"VirtualNode DELETE_FAILED Resource handler returned message: ",
			"cannot be deleted because it is the target of one or more routes.", "(Service: AppMesh, Status Code: 409, Request ID: ",
			"HandlerErrorCode: ResourceConflict)", "Service DELETE_COMPLETE",
		} {
			if !strings.Contains(history, part) {
				t.Errorf("no %q in\n%s", part, history)
			}
		}
		if strings.Contains(history, "Registry DELETE") {
			t.Error("the registry is deleted although the virtual node needs it")
		}
		_, err = w.mesh.DeleteRoute(t.Context(), &meshsdk.DeleteRouteInput{MeshName: mesh, VirtualRouterName: router, RouteName: route})
		if err != nil {
			t.Fatal(err)
		}
		before := len(w.events(id))
		w.delete(&sdk.DeleteStackInput{StackName: &id})
		w.await(id, types.StackStatusDeleteComplete)
		for _, line := range w.history(id)[before:] {
			if strings.HasPrefix(line, "Service ") {
				t.Errorf("what is deleted is deleted again: %s", line)
			}
		}
	})
}

func TestStuckDeletionCanRetainOrForce(t *testing.T) {
	for _, in := range []*sdk.DeleteStackInput{
		{RetainResources: []string{"Mesh"}},
		{DeletionMode: types.DeletionModeForceDeleteStack},
	} {
		t.Run("mode "+string(in.DeletionMode), func(t *testing.T) {
			inWorld(t, func(w *world) {
				t := w.t
				id := w.create(&sdk.CreateStackInput{StackName: aws.String("mesh"), TemplateBody: aws.String(
					"Resources:\n  Mesh: {Type: 'AWS::AppMesh::Mesh'}\n  Topic: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !Ref Mesh}}\n")})
				w.await(id, types.StackStatusCreateComplete)
				in.StackName = &id
				if _, err := w.DeleteStack(t.Context(), in); err == nil {
					t.Error("a stack that is not stuck can be forced")
				}
				for name := range w.meshes() {
					_, err := w.mesh.CreateVirtualRouter(t.Context(), &meshsdk.CreateVirtualRouterInput{
						MeshName: aws.String(name), VirtualRouterName: aws.String("r"), Spec: &meshtypes.VirtualRouterSpec{
							Listeners: []meshtypes.VirtualRouterListener{{PortMapping: &meshtypes.PortMapping{
								Port: aws.Int32(80), Protocol: meshtypes.PortProtocolHttp,
							}}},
						},
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				w.delete(&sdk.DeleteStackInput{StackName: &id})
				w.await(id, types.StackStatusDeleteFailed)
				w.delete(in)
				w.await(id, types.StackStatusDeleteComplete)
				index(t, w.history(id), "Mesh DELETE_SKIPPED")
				if len(w.meshes()) != 1 {
					t.Error("the mesh is gone")
				}
			})
		})
	}
}

// meshes are the names of the meshes that there are.
func (w *world) meshes() map[string]bool {
	w.t.Helper()
	out, err := w.mesh.ListMeshes(w.t.Context(), &meshsdk.ListMeshesInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, mesh := range out.Meshes {
		names[*mesh.MeshName] = true
	}
	return names
}
