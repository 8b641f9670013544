package resource

import (
	"context"
	"reflect"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/appmesh"
	"github.com/aws/aws-sdk-go-v2/service/appmesh/types"

	"serin/internal/sandbox/cloudformation/property"
)

const appMeshService = "AppMesh"

// AppMesh is the part of App Mesh's API that stacks use.
type AppMesh interface {
	CreateMesh(context.Context, *sdk.CreateMeshInput) (*sdk.CreateMeshOutput, error)
	UpdateMesh(context.Context, *sdk.UpdateMeshInput) (*sdk.UpdateMeshOutput, error)
	DeleteMesh(context.Context, *sdk.DeleteMeshInput) (*sdk.DeleteMeshOutput, error)
	CreateVirtualNode(context.Context, *sdk.CreateVirtualNodeInput) (*sdk.CreateVirtualNodeOutput, error)
	UpdateVirtualNode(context.Context, *sdk.UpdateVirtualNodeInput) (*sdk.UpdateVirtualNodeOutput, error)
	DeleteVirtualNode(context.Context, *sdk.DeleteVirtualNodeInput) (*sdk.DeleteVirtualNodeOutput, error)
	CreateVirtualRouter(context.Context, *sdk.CreateVirtualRouterInput) (*sdk.CreateVirtualRouterOutput, error)
	UpdateVirtualRouter(context.Context, *sdk.UpdateVirtualRouterInput) (*sdk.UpdateVirtualRouterOutput, error)
	DeleteVirtualRouter(context.Context, *sdk.DeleteVirtualRouterInput) (*sdk.DeleteVirtualRouterOutput, error)
	CreateVirtualService(context.Context, *sdk.CreateVirtualServiceInput) (*sdk.CreateVirtualServiceOutput, error)
	UpdateVirtualService(context.Context, *sdk.UpdateVirtualServiceInput) (*sdk.UpdateVirtualServiceOutput, error)
	DeleteVirtualService(context.Context, *sdk.DeleteVirtualServiceInput) (*sdk.DeleteVirtualServiceOutput, error)
	CreateRoute(context.Context, *sdk.CreateRouteInput) (*sdk.CreateRouteOutput, error)
	UpdateRoute(context.Context, *sdk.UpdateRouteInput) (*sdk.UpdateRouteOutput, error)
	DeleteRoute(context.Context, *sdk.DeleteRouteInput) (*sdk.DeleteRouteOutput, error)
}

// appMeshMapper knows where App Mesh's resource types write names otherwise than its
// SDK does, what they require, and the members of its unions (CloudFormation template
// reference, AWS::AppMesh).
func appMeshMapper() property.Mapper {
	return property.Mapper{
		Spelling: map[string]string{
			"Acm": "ACM", "AwsCloudMap": "AWSCloudMap", "Dns": "DNS", "Grpc": "GRPC",
			"Http": "HTTP", "Http2": "HTTP2", "Sds": "SDS", "Tcp": "TCP", "Tls": "TLS",
		},
		Hidden: map[string]bool{"ClientToken": true},
		Unions: appMeshUnions(),
		Required: map[string][]string{
			"AwsCloudMapServiceDiscovery": {"NamespaceName", "ServiceName"},
			"CreateRouteInput":            {"MeshName", "Spec", "VirtualRouterName"},
			"CreateVirtualNodeInput":      {"MeshName", "Spec"},
			"CreateVirtualRouterInput":    {"MeshName", "Spec"},
			"CreateVirtualServiceInput":   {"MeshName", "Spec", "VirtualServiceName"},
			"DnsServiceDiscovery":         {"Hostname"},
			"HealthCheckPolicy":           {"HealthyThreshold", "IntervalMillis", "Protocol", "TimeoutMillis", "UnhealthyThreshold"},
			"HttpRoute":                   {"Action", "Match"},
			"Listener":                    {"PortMapping"},
			"PortMapping":                 {"Port", "Protocol"},
			"TcpRoute":                    {"Action"},
			"WeightedTarget":              {"VirtualNode", "Weight"},
		},
	}
}

func appMeshUnions() map[reflect.Type][]reflect.Type {
	return map[reflect.Type][]reflect.Type{
		reflect.TypeFor[types.AccessLog](): property.Members(&types.AccessLogMemberFile{}),
		reflect.TypeFor[types.Backend]():   property.Members(&types.BackendMemberVirtualService{}),
		reflect.TypeFor[types.ClientTlsCertificate](): property.Members(
			&types.ClientTlsCertificateMemberFile{}, &types.ClientTlsCertificateMemberSds{}),
		reflect.TypeFor[types.GrpcRouteMetadataMatchMethod](): property.Members(
			&types.GrpcRouteMetadataMatchMethodMemberExact{}, &types.GrpcRouteMetadataMatchMethodMemberPrefix{},
			&types.GrpcRouteMetadataMatchMethodMemberRange{}, &types.GrpcRouteMetadataMatchMethodMemberRegex{},
			&types.GrpcRouteMetadataMatchMethodMemberSuffix{}),
		reflect.TypeFor[types.HeaderMatchMethod](): property.Members(
			&types.HeaderMatchMethodMemberExact{}, &types.HeaderMatchMethodMemberPrefix{},
			&types.HeaderMatchMethodMemberRange{}, &types.HeaderMatchMethodMemberRegex{},
			&types.HeaderMatchMethodMemberSuffix{}),
		reflect.TypeFor[types.ListenerTimeout](): property.Members(
			&types.ListenerTimeoutMemberGrpc{}, &types.ListenerTimeoutMemberHttp{},
			&types.ListenerTimeoutMemberHttp2{}, &types.ListenerTimeoutMemberTcp{}),
		reflect.TypeFor[types.ListenerTlsCertificate](): property.Members(
			&types.ListenerTlsCertificateMemberAcm{}, &types.ListenerTlsCertificateMemberFile{},
			&types.ListenerTlsCertificateMemberSds{}),
		reflect.TypeFor[types.ListenerTlsValidationContextTrust](): property.Members(
			&types.ListenerTlsValidationContextTrustMemberFile{}, &types.ListenerTlsValidationContextTrustMemberSds{}),
		reflect.TypeFor[types.LoggingFormat](): property.Members(
			&types.LoggingFormatMemberJson{}, &types.LoggingFormatMemberText{}),
		reflect.TypeFor[types.ServiceDiscovery](): property.Members(
			&types.ServiceDiscoveryMemberAwsCloudMap{}, &types.ServiceDiscoveryMemberDns{}),
		reflect.TypeFor[types.TlsValidationContextTrust](): property.Members(
			&types.TlsValidationContextTrustMemberAcm{}, &types.TlsValidationContextTrustMemberFile{},
			&types.TlsValidationContextTrustMemberSds{}),
		reflect.TypeFor[types.VirtualNodeConnectionPool](): property.Members(
			&types.VirtualNodeConnectionPoolMemberGrpc{}, &types.VirtualNodeConnectionPoolMemberHttp{},
			&types.VirtualNodeConnectionPoolMemberHttp2{}, &types.VirtualNodeConnectionPoolMemberTcp{}),
		reflect.TypeFor[types.VirtualServiceProvider](): property.Members(
			&types.VirtualServiceProviderMemberVirtualNode{}, &types.VirtualServiceProviderMemberVirtualRouter{}),
	}
}

// meshed is a resource of App Mesh: its ARN is its physical id.
func meshed(metadata *types.ResourceMetadata, names map[string]*string) Resource {
	attributes := map[string]any{
		"Arn": *metadata.Arn, "Uid": *metadata.Uid,
		"MeshOwner": *metadata.MeshOwner, "ResourceOwner": *metadata.ResourceOwner,
	}
	for attribute, name := range names {
		attributes[attribute] = *name
	}
	return Resource{PhysicalID: *metadata.Arn, Attributes: attributes}
}

func appMeshType(provider Provider, nameProperty string, names ...string) Type {
	return Type{
		Provider:     provider,
		Attributes:   append([]string{"Arn", "Uid", "MeshName", "MeshOwner", "ResourceOwner"}, names...),
		NameProperty: nameProperty,
		Duration:     2 * time.Second,
		Tags:         TagList,
	}
}

func appMeshTypes(api AppMesh) Registry {
	mapper := appMeshMapper()
	return Registry{
		"AWS::AppMesh::Mesh":        appMeshType(mesh(api, mapper), "MeshName"),
		"AWS::AppMesh::VirtualNode": appMeshType(virtualNode(api, mapper), "VirtualNodeName", "VirtualNodeName"),
		"AWS::AppMesh::VirtualRouter": appMeshType(
			virtualRouter(api, mapper), "VirtualRouterName", "VirtualRouterName"),
		"AWS::AppMesh::VirtualService": appMeshType(
			virtualService(api, mapper), "VirtualServiceName", "VirtualServiceName"),
		"AWS::AppMesh::Route": appMeshType(route(api, mapper), "RouteName", "RouteName", "VirtualRouterName"),
	}
}
