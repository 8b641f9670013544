package cloudformation_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	meshtypes "github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

const routed = `
Parameters: {Canary: {Type: Number, Default: 10}, Provided: {Type: String, Default: "yes"}, Name: {Type: String, Default: app-route}}
Conditions: {IsProvided: !Equals [!Ref Provided, "yes"]}
Resources:
  Mesh: {Type: "AWS::AppMesh::Mesh", Properties: {MeshName: blue}}
  Stable:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: stable
      Spec:
        Listeners: [{PortMapping: {Port: 80, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: stable.local}}
  Canary:
    Type: AWS::AppMesh::VirtualNode
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualNodeName: canary
      Spec:
        Listeners: [{PortMapping: {Port: 80, Protocol: http}}]
        ServiceDiscovery: {DNS: {Hostname: canary.local}}
  Router:
    Type: AWS::AppMesh::VirtualRouter
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      Spec: {Listeners: [{PortMapping: {Port: 80, Protocol: http}}]}
  Route:
    Type: AWS::AppMesh::Route
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualRouterName: !GetAtt Router.VirtualRouterName
      RouteName: !Ref Name
      Spec:
        Priority: 7
        HttpRoute:
          Match:
            Prefix: /
            Headers: [{Name: x-user, Match: {Range: {Start: 1, End: 5}}}]
          Action:
            WeightedTargets:
              - {VirtualNode: !GetAtt Stable.VirtualNodeName, Weight: 90}
              - {VirtualNode: !GetAtt Canary.VirtualNodeName, Weight: !Ref Canary}
          RetryPolicy:
            MaxRetries: 2
            HttpRetryEvents: [server-error, gateway-error]
            PerRetryTimeout: {Unit: ms, Value: 2000}
  App:
    Type: AWS::AppMesh::VirtualService
    Properties:
      MeshName: !GetAtt Mesh.MeshName
      VirtualServiceName: app.local
      Spec: !If
        - IsProvided
        - Provider: {VirtualRouter: {VirtualRouterName: !GetAtt Router.VirtualRouterName}}
        - Provider: {VirtualNode: {VirtualNodeName: !GetAtt Stable.VirtualNodeName}}
`

func TestRoutingComesChangesAndGoes(t *testing.T) {
	inWorld(t, func(w *world) {
		t := w.t
		id := w.create(&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(routed)})
		w.await(id, types.StackStatusCreateComplete)
		router := w.routers()[0]
		route := w.mesh.View().Routes["blue/"+router][0]
		match, isRange := route.Spec.HttpRoute.Match.Headers[0].Match.(*meshtypes.HeaderMatchMethodMemberRange)
		if *route.Spec.Priority != 7 || *route.Spec.HttpRoute.RetryPolicy.MaxRetries != 2 || !isRange || *match.Value.End != 5 ||
			route.Spec.HttpRoute.Action.WeightedTargets[1].Weight != 10 {
			t.Errorf("route %+v", route.Spec.HttpRoute)
		}
		arn := w.physical(id, "Route")
		w.update(&sdk.UpdateStackInput{
			StackName: &id, UsePreviousTemplate: aws.Bool(true), Parameters: parameters("Canary", "5", "Provided", "no"),
		}, types.StackStatusUpdateComplete)
		route = w.mesh.View().Routes["blue/"+router][0]
		if route.Spec.HttpRoute.Action.WeightedTargets[1].Weight != 5 || *route.Metadata.Version != 2 || w.physical(id, "Route") != arn {
			t.Errorf("route %+v", route)
		}
		service := w.mesh.View().VirtualServices["blue/app.local"]
		if _, node := service.Spec.Provider.(*meshtypes.VirtualServiceProviderMemberVirtualNode); !node {
			t.Errorf("provider %T", service.Spec.Provider)
		}
		w.update(&sdk.UpdateStackInput{
			StackName: &id, UsePreviousTemplate: aws.Bool(true), Parameters: parameters("Name", "other"),
		}, types.StackStatusUpdateComplete)
		if routes := w.mesh.View().Routes["blue/"+router]; len(routes) != 1 || *routes[0].RouteName != "other" || w.physical(id, "Route") == arn {
			t.Errorf("routes %+v", routes)
		}
		w.delete(&sdk.DeleteStackInput{StackName: &id})
		w.await(id, types.StackStatusDeleteComplete)
		if len(w.meshes()) != 0 {
			t.Error("the mesh is left")
		}
	})
}

// routers are the names of the routers of the mesh blue.
func (w *world) routers() []string {
	w.t.Helper()
	var names []string
	for _, router := range w.mesh.View().VirtualRouters {
		names = append(names, *router.VirtualRouterName)
	}
	return names
}

func TestDeletionDuringRollback(t *testing.T) {
	inWorld(t, func(w *world) {
		w.environment()
		w.cluster.broken = true
		id := w.create(w.version("9bd0417e"))
		w.awaitEvent(id, "Service", "DELETE_IN_PROGRESS")
		w.delete(&sdk.DeleteStackInput{StackName: &id, ClientRequestToken: aws.String("impatient")})
		w.await(id, types.StackStatusDeleteComplete)
		if w.cluster.running() != 0 || len(w.mesh.View().VirtualNodes) != 0 {
			w.t.Error("something is left of the version")
		}
		twice := make(map[string]bool)
		for _, line := range w.history(id) {
			if twice[line] {
				w.t.Errorf("%q happens twice", line)
			}
			twice[line] = true
		}
	})
}

func TestStackInReviewCanBeDeleted(t *testing.T) {
	inWorld(t, func(w *world) {
		out, err := w.CreateChangeSet(w.t.Context(), &sdk.CreateChangeSetInput{
			StackName: aws.String("s"), ChangeSetName: aws.String("c"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(topic),
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.delete(&sdk.DeleteStackInput{StackName: aws.String("s")})
		w.await(*out.StackId, types.StackStatusDeleteComplete)
		w.await(w.create(&sdk.CreateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(topic)}), types.StackStatusCreateComplete)
	})
}
