package wire

import (
	"reflect"
	"strings"

	appmesh "github.com/aws/aws-sdk-go-v2/service/appmesh/types"
	cloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	ecs "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	ssm "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// unions are the members of each union, by the name that follows "Member" in the
// name of its Go type. Reflection cannot find the types that implement an interface,
// so they are named here; a union that is not is refused by the codecs.
var unions = map[reflect.Type]map[string]reflect.Type{
	reflect.TypeFor[appmesh.AccessLog](): union(
		&appmesh.AccessLogMemberFile{},
	),
	reflect.TypeFor[appmesh.Backend](): union(
		&appmesh.BackendMemberVirtualService{},
	),
	reflect.TypeFor[appmesh.ClientTlsCertificate](): union(
		&appmesh.ClientTlsCertificateMemberFile{},
		&appmesh.ClientTlsCertificateMemberSds{},
	),
	reflect.TypeFor[appmesh.GrpcMetadataMatchMethod](): union(
		&appmesh.GrpcMetadataMatchMethodMemberExact{},
		&appmesh.GrpcMetadataMatchMethodMemberPrefix{},
		&appmesh.GrpcMetadataMatchMethodMemberRange{},
		&appmesh.GrpcMetadataMatchMethodMemberRegex{},
		&appmesh.GrpcMetadataMatchMethodMemberSuffix{},
	),
	reflect.TypeFor[appmesh.GrpcRouteMetadataMatchMethod](): union(
		&appmesh.GrpcRouteMetadataMatchMethodMemberExact{},
		&appmesh.GrpcRouteMetadataMatchMethodMemberPrefix{},
		&appmesh.GrpcRouteMetadataMatchMethodMemberRange{},
		&appmesh.GrpcRouteMetadataMatchMethodMemberRegex{},
		&appmesh.GrpcRouteMetadataMatchMethodMemberSuffix{},
	),
	reflect.TypeFor[appmesh.HeaderMatchMethod](): union(
		&appmesh.HeaderMatchMethodMemberExact{},
		&appmesh.HeaderMatchMethodMemberPrefix{},
		&appmesh.HeaderMatchMethodMemberRange{},
		&appmesh.HeaderMatchMethodMemberRegex{},
		&appmesh.HeaderMatchMethodMemberSuffix{},
	),
	reflect.TypeFor[appmesh.ListenerTimeout](): union(
		&appmesh.ListenerTimeoutMemberGrpc{},
		&appmesh.ListenerTimeoutMemberHttp{},
		&appmesh.ListenerTimeoutMemberHttp2{},
		&appmesh.ListenerTimeoutMemberTcp{},
	),
	reflect.TypeFor[appmesh.ListenerTlsCertificate](): union(
		&appmesh.ListenerTlsCertificateMemberAcm{},
		&appmesh.ListenerTlsCertificateMemberFile{},
		&appmesh.ListenerTlsCertificateMemberSds{},
	),
	reflect.TypeFor[appmesh.ListenerTlsValidationContextTrust](): union(
		&appmesh.ListenerTlsValidationContextTrustMemberFile{},
		&appmesh.ListenerTlsValidationContextTrustMemberSds{},
	),
	reflect.TypeFor[appmesh.LoggingFormat](): union(
		&appmesh.LoggingFormatMemberJson{},
		&appmesh.LoggingFormatMemberText{},
	),
	reflect.TypeFor[appmesh.ServiceDiscovery](): union(
		&appmesh.ServiceDiscoveryMemberAwsCloudMap{},
		&appmesh.ServiceDiscoveryMemberDns{},
	),
	reflect.TypeFor[appmesh.TlsValidationContextTrust](): union(
		&appmesh.TlsValidationContextTrustMemberAcm{},
		&appmesh.TlsValidationContextTrustMemberFile{},
		&appmesh.TlsValidationContextTrustMemberSds{},
	),
	reflect.TypeFor[appmesh.VirtualGatewayAccessLog](): union(
		&appmesh.VirtualGatewayAccessLogMemberFile{},
	),
	reflect.TypeFor[appmesh.VirtualGatewayClientTlsCertificate](): union(
		&appmesh.VirtualGatewayClientTlsCertificateMemberFile{},
		&appmesh.VirtualGatewayClientTlsCertificateMemberSds{},
	),
	reflect.TypeFor[appmesh.VirtualGatewayConnectionPool](): union(
		&appmesh.VirtualGatewayConnectionPoolMemberGrpc{},
		&appmesh.VirtualGatewayConnectionPoolMemberHttp{},
		&appmesh.VirtualGatewayConnectionPoolMemberHttp2{},
	),
	reflect.TypeFor[appmesh.VirtualGatewayListenerTlsCertificate](): union(
		&appmesh.VirtualGatewayListenerTlsCertificateMemberAcm{},
		&appmesh.VirtualGatewayListenerTlsCertificateMemberFile{},
		&appmesh.VirtualGatewayListenerTlsCertificateMemberSds{},
	),
	reflect.TypeFor[appmesh.VirtualGatewayListenerTlsValidationContextTrust](): union(
		&appmesh.VirtualGatewayListenerTlsValidationContextTrustMemberFile{},
		&appmesh.VirtualGatewayListenerTlsValidationContextTrustMemberSds{},
	),
	reflect.TypeFor[appmesh.VirtualGatewayTlsValidationContextTrust](): union(
		&appmesh.VirtualGatewayTlsValidationContextTrustMemberAcm{},
		&appmesh.VirtualGatewayTlsValidationContextTrustMemberFile{},
		&appmesh.VirtualGatewayTlsValidationContextTrustMemberSds{},
	),
	reflect.TypeFor[appmesh.VirtualNodeConnectionPool](): union(
		&appmesh.VirtualNodeConnectionPoolMemberGrpc{},
		&appmesh.VirtualNodeConnectionPoolMemberHttp{},
		&appmesh.VirtualNodeConnectionPoolMemberHttp2{},
		&appmesh.VirtualNodeConnectionPoolMemberTcp{},
	),
	reflect.TypeFor[appmesh.VirtualServiceProvider](): union(
		&appmesh.VirtualServiceProviderMemberVirtualNode{},
		&appmesh.VirtualServiceProviderMemberVirtualRouter{},
	),
	reflect.TypeFor[cloudwatch.EvaluationCriteria](): union(
		&cloudwatch.EvaluationCriteriaMemberPromQLCriteria{},
	),
	reflect.TypeFor[cloudwatch.EvaluationWindow](): union(
		&cloudwatch.EvaluationWindowMemberSlidingWindow{},
		&cloudwatch.EvaluationWindowMemberWallClockWindow{},
	),
	reflect.TypeFor[ecs.DescribeGatewayConfiguration](): union(
		&ecs.DescribeGatewayConfigurationMemberHostSharedAlb{},
	),
	reflect.TypeFor[ecs.GatewayConfiguration](): union(
		&ecs.GatewayConfigurationMemberHostSharedAlb{},
	),
	reflect.TypeFor[ecs.GatewayConnectionResources](): union(
		&ecs.GatewayConnectionResourcesMemberHostSharedAlb{},
	),
	reflect.TypeFor[ecs.GatewayElbAccessLogDestination](): union(
		&ecs.GatewayElbAccessLogDestinationMemberS3{},
	),
	reflect.TypeFor[ecs.GatewayInfrastructureResources](): union(
		&ecs.GatewayInfrastructureResourcesMemberHostSharedAlb{},
	),
	reflect.TypeFor[ecs.GatewayRouteResources](): union(
		&ecs.GatewayRouteResourcesMemberHostSharedAlb{},
	),
	reflect.TypeFor[ecs.ServiceConnectContainerConfiguration](): union(
		&ecs.ServiceConnectContainerConfigurationMemberLogLevel{},
	),
	reflect.TypeFor[ecs.SharingStrategy](): union(
		&ecs.SharingStrategyMemberNvidiaMps{},
	),
	reflect.TypeFor[ecs.UpdateGatewayConfiguration](): union(
		&ecs.UpdateGatewayConfigurationMemberHostSharedAlb{},
	),
	reflect.TypeFor[ssm.CloudConnectorConfiguration](): union(
		&ssm.CloudConnectorConfigurationMemberAzureConfiguration{},
	),
	reflect.TypeFor[ssm.ConfigurationTargets](): union(
		&ssm.ConfigurationTargetsMemberSubscriptions{},
	),
	reflect.TypeFor[ssm.ExecutionInputs](): union(
		&ssm.ExecutionInputsMemberAutomation{},
	),
	reflect.TypeFor[ssm.ExecutionPreview](): union(
		&ssm.ExecutionPreviewMemberAutomation{},
	),
	reflect.TypeFor[ssm.NodeType](): union(
		&ssm.NodeTypeMemberInstance{},
	),
}

// union is the table of a union's members; each is a pointer to a member's struct.
func union(members ...any) map[string]reflect.Type {
	table := make(map[string]reflect.Type, len(members))
	for _, member := range members {
		shape := reflect.TypeOf(member).Elem()
		table[memberName(shape)] = shape
	}
	return table
}

// memberName is the name of a union's member that a struct of the SDK stands for, such
// as AwsCloudMap for ServiceDiscoveryMemberAwsCloudMap.
func memberName(shape reflect.Type) string {
	_, name, _ := strings.Cut(shape.Name(), "Member")
	return name
}
