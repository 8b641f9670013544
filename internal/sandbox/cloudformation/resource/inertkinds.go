package resource

import (
	"strings"

	"github.com/google/uuid"

	"serin/internal/sandbox/region"
)

// networkKinds are the types of a network (CloudFormation template reference, AWS::EC2).
func networkKinds() []inertKind {
	return []inertKind{
		{
			name: "AWS::EC2::VPC", pinned: "CidrBlock", id: numbered("vpc-"), tags: TagList,
			properties: "CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy Ipv4IpamPoolId Ipv4NetmaskLength Tags",
			attributes: attributes{
				"VpcId": ownID, "CidrBlock": given("CidrBlock", ""),
				"DefaultSecurityGroup": derived("sg-"), "DefaultNetworkAcl": derived("acl-"),
			},
		},
		{
			name: "AWS::EC2::Subnet", pinned: "AvailabilityZone CidrBlock VpcId", id: numbered("subnet-"), tags: TagList, required: "VpcId",
			properties: "AvailabilityZone AvailabilityZoneId CidrBlock Ipv6CidrBlock MapPublicIpOnLaunch PrivateDnsNameOptionsOnLaunch Tags",
			attributes: attributes{
				"SubnetId": ownID, "VpcId": given("VpcId", ""), "CidrBlock": given("CidrBlock", ""),
				"AvailabilityZone": func(made inertResource) any { return given("AvailabilityZone", made.place.Name+"a")(made) },
			},
		},
		{
			name: "AWS::EC2::InternetGateway", id: numbered("igw-"), tags: TagList, properties: "Tags",
			attributes: attributes{"InternetGatewayId": ownID},
		},
		{
			name: "AWS::EC2::VPCGatewayAttachment", pinned: "InternetGatewayId VpnGatewayId VpcId", id: joined("InternetGatewayId", "VpnGatewayId", "VpcId"),
			properties: "InternetGatewayId VpnGatewayId", required: "VpcId",
		},
		{
			name: "AWS::EC2::RouteTable", pinned: "VpcId", id: numbered("rtb-"), tags: TagList, properties: "Tags", required: "VpcId",
			attributes: attributes{"RouteTableId": ownID},
		},
		{
			name: "AWS::EC2::Route", pinned: "DestinationCidrBlock RouteTableId", required: "RouteTableId",
			id: joined("RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"),
			properties: "DestinationCidrBlock DestinationIpv6CidrBlock DestinationPrefixListId EgressOnlyInternetGatewayId GatewayId " +
				"InstanceId NatGatewayId NetworkInterfaceId TransitGatewayId VpcEndpointId VpcPeeringConnectionId",
			attributes: attributes{"CidrBlock": given("DestinationCidrBlock", "")},
		},
		{
			name: "AWS::EC2::SubnetRouteTableAssociation", pinned: "SubnetId", id: numbered("rtbassoc-"), required: "RouteTableId SubnetId",
			attributes: attributes{"Id": ownID},
		},
		{
			name: "AWS::EC2::EIP", tags: TagList,
			properties: "Address Domain InstanceId IpamPoolId NetworkBorderGroup PublicIpv4Pool Tags TransferAddress",
			id:         func(region.Region, string, map[string]any) string { return documentationAddress() },
			attributes: attributes{
				"PublicIp": ownID, "AllocationId": derived("eipalloc-"),
			},
		},
		{
			name: "AWS::EC2::NatGateway", pinned: "AllocationId SubnetId", id: numbered("nat-"), tags: TagList, required: "SubnetId",
			properties: "AllocationId ConnectivityType MaxDrainDurationSeconds PrivateIpAddress Tags",
			attributes: attributes{"NatGatewayId": ownID},
		},
		{
			name: "AWS::EC2::SecurityGroup", pinned: "GroupDescription VpcId", id: numbered("sg-"), tags: TagList, nameProperty: "GroupName",
			properties: "GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId", required: "GroupDescription",
			attributes: attributes{"GroupId": ownID, "Id": ownID, "VpcId": given("VpcId", "")},
		},
		securityGroupRule("AWS::EC2::SecurityGroupIngress", "GroupName SourcePrefixListId SourceSecurityGroupId SourceSecurityGroupName SourceSecurityGroupOwnerId"),
		securityGroupRule("AWS::EC2::SecurityGroupEgress", "DestinationPrefixListId DestinationSecurityGroupId"),
		{
			name: "AWS::EC2::VPCEndpoint", id: numbered("vpce-"), tags: TagList, required: "VpcId",
			properties: "DnsOptions IpAddressType PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType",
			attributes: attributes{"Id": ownID},
		},
	}
}

func securityGroupRule(name, own string) inertKind {
	return inertKind{
		name: name, id: numbered("sgr-"), required: "IpProtocol",
		properties: own + " CidrIp CidrIpv6 Description FromPort GroupId ToPort",
		attributes: attributes{"Id": ownID},
	}
}

func globalARN(service, prefix string) func(inertResource) any {
	return func(made inertResource) any { return made.place.GlobalARN(service, prefix+made.name) }
}

func regionalARN(service, prefix string) func(inertResource) any {
	return func(made inertResource) any { return made.place.ARN(service, prefix+made.name) }
}

// accessKinds are the types of who may do what (CloudFormation template reference,
// AWS::IAM and AWS::KMS).
func accessKinds() []inertKind {
	return []inertKind{
		{
			name: "AWS::IAM::Role", id: named, tags: TagList, nameProperty: "RoleName", required: "AssumeRolePolicyDocument",
			properties: "Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary Policies RoleName Tags",
			attributes: attributes{
				"Arn":    globalARN("iam", "role/"),
				"RoleId": func(made inertResource) any { return strings.ToUpper(derived("aroa")(made).(string)) },
			},
		},
		{
			name: "AWS::IAM::Policy", id: named, required: "PolicyDocument PolicyName",
			properties: "Groups Roles Users", attributes: attributes{"Id": ownID},
		},
		{
			name: "AWS::IAM::ManagedPolicy", nameProperty: "ManagedPolicyName", required: "PolicyDocument",
			properties: "Description Groups ManagedPolicyName Path Roles Users",
			id: func(place region.Region, name string, _ map[string]any) string {
				return place.GlobalARN("iam", "policy/"+name)
			},
			attributes: attributes{"PolicyArn": ownID},
		},
		{
			name: "AWS::IAM::InstanceProfile", id: named, nameProperty: "InstanceProfileName", required: "Roles",
			properties: "InstanceProfileName Path", attributes: attributes{"Arn": globalARN("iam", "instance-profile/")},
		},
		{
			name: "AWS::KMS::Key", tags: TagList,
			properties: "BypassPolicyLockoutSafetyCheck Description Enabled EnableKeyRotation KeyPolicy KeySpec KeyUsage MultiRegion Origin " +
				"PendingWindowInDays RotationPeriodInDays Tags",
			id: func(region.Region, string, map[string]any) string { return uuid.NewString() },
			attributes: attributes{
				"KeyId": ownID,
				"Arn":   func(made inertResource) any { return made.place.ARN("kms", "key/"+made.id) },
			},
		},
		{name: "AWS::KMS::Alias", id: named, nameProperty: "AliasName", required: "AliasName TargetKeyId"},
	}
}

// loadBalancerID is the sixteen hexadecimal digits at the end of a balancer's ARN.
func loadBalancerID() string { return identifier("")[:16] }

// fullName is the end of an ARN as CloudWatch names it: app/name/id, targetgroup/name/id.
func fullName(mark string) func(inertResource) any {
	return func(made inertResource) any {
		_, name, _ := strings.Cut(made.id, mark)
		return strings.TrimPrefix(mark, "loadbalancer/") + name
	}
}

// balancingKinds are the types of load balancing (CloudFormation template reference,
// AWS::ElasticLoadBalancingV2).
func balancingKinds() []inertKind {
	const service = "elasticloadbalancing"
	return []inertKind{
		{
			name: "AWS::ElasticLoadBalancingV2::LoadBalancer", pinned: "Scheme Type", tags: TagList, nameProperty: "Name",
			properties: "IpAddressType LoadBalancerAttributes Name Scheme SecurityGroups SubnetMappings Subnets Tags Type",
			id: func(place region.Region, name string, _ map[string]any) string {
				return place.ARN(service, "loadbalancer/app/"+balancerName(name)+"/"+loadBalancerID())
			},
			attributes: attributes{
				"LoadBalancerArn":       ownID,
				"LoadBalancerName":      func(made inertResource) any { return balancerName(made.name) },
				"LoadBalancerFullName":  fullName("loadbalancer/"),
				"CanonicalHostedZoneID": func(inertResource) any { return "Z1H1FL5HABSF5" },
				"DNSName": func(made inertResource) any {
					return strings.ToLower(balancerName(made.name)) + "-" + made.place.Account[:8] + "." + made.place.Name + ".elb.amazonaws.com"
				},
			},
		},
		{
			name: "AWS::ElasticLoadBalancingV2::TargetGroup", pinned: "Port Protocol TargetType VpcId", tags: TagList, nameProperty: "Name",
			properties: "HealthCheckEnabled HealthCheckIntervalSeconds HealthCheckPath HealthCheckPort HealthCheckProtocol " +
				"HealthCheckTimeoutSeconds HealthyThresholdCount IpAddressType Matcher Name Port Protocol ProtocolVersion Tags " +
				"TargetGroupAttributes TargetType Targets UnhealthyThresholdCount VpcId",
			id: func(place region.Region, name string, _ map[string]any) string {
				return place.ARN(service, "targetgroup/"+balancerName(name)+"/"+loadBalancerID())
			},
			attributes: attributes{
				"TargetGroupArn":      ownID,
				"TargetGroupName":     func(made inertResource) any { return balancerName(made.name) },
				"TargetGroupFullName": fullName("targetgroup/"),
			},
		},
		{
			name: "AWS::ElasticLoadBalancingV2::Listener", pinned: "LoadBalancerArn",
			properties: "AlpnPolicy Certificates ListenerAttributes MutualAuthentication Port Protocol SslPolicy",
			required:   "DefaultActions LoadBalancerArn",
			id:         below("LoadBalancerArn", ":loadbalancer/", ":listener/"),
			attributes: attributes{"ListenerArn": ownID},
		},
		{
			name: "AWS::ElasticLoadBalancingV2::ListenerRule", pinned: "ListenerArn",
			required: "Actions Conditions Priority", properties: "ListenerArn Transforms",
			id: below("ListenerArn", ":listener/", ":listener-rule/"),
			attributes: attributes{
				"RuleArn":   ownID,
				"IsDefault": func(inertResource) any { return "false" },
			},
		},
	}
}

// balancerName is a name within the 32 characters that load balancing allows.
func balancerName(name string) string {
	if len(name) <= 32 {
		return name
	}
	return strings.Trim(name[:19], "-") + "-" + name[len(name)-12:]
}

// below is the ARN of something that belongs to the owner that a property names.
func below(property, owner, own string) func(region.Region, string, map[string]any) string {
	return func(_ region.Region, _ string, properties map[string]any) string {
		arn, _ := properties[property].(string)
		return strings.Replace(arn, owner, own, 1) + "/" + loadBalancerID()
	}
}

// storageKinds are the types of what keeps logs, images, objects and messages.
func storageKinds() []inertKind {
	return []inertKind{
		{
			name: "AWS::Logs::LogGroup", id: named, tags: TagList, nameProperty: "LogGroupName",
			properties: "DataProtectionPolicy FieldIndexPolicies KmsKeyId LogGroupClass LogGroupName RetentionInDays Tags",
			attributes: attributes{"Arn": func(made inertResource) any {
				return made.place.ARN("logs", "log-group:"+made.name+":*")
			}},
		},
		{
			name: "AWS::ECR::Repository", id: lowered, tags: TagList, nameProperty: "RepositoryName",
			properties: "EmptyOnDelete EncryptionConfiguration ImageScanningConfiguration ImageTagMutability LifecyclePolicy " +
				"RepositoryName RepositoryPolicyText Tags",
			attributes: attributes{
				"Arn": func(made inertResource) any { return made.place.ARN("ecr", "repository/"+made.id) },
				"RepositoryUri": func(made inertResource) any {
					return made.place.Account + ".dkr.ecr." + made.place.Name + ".amazonaws.com/" + made.id
				},
			},
		},
		{
			name: "AWS::S3::Bucket", id: lowered, tags: TagList, nameProperty: "BucketName",
			properties: "AccelerateConfiguration AccessControl BucketEncryption BucketName CorsConfiguration LifecycleConfiguration " +
				"LoggingConfiguration NotificationConfiguration ObjectLockEnabled OwnershipControls PublicAccessBlockConfiguration " +
				"ReplicationConfiguration Tags VersioningConfiguration WebsiteConfiguration",
			attributes: attributes{
				"Arn":                func(made inertResource) any { return "arn:aws:s3:::" + made.id },
				"DomainName":         func(made inertResource) any { return made.id + ".s3.amazonaws.com" },
				"RegionalDomainName": func(made inertResource) any { return made.id + ".s3." + made.place.Name + ".amazonaws.com" },
			},
		},
		{
			name: "AWS::S3::BucketPolicy", pinned: "Bucket", id: joined("Bucket"), required: "Bucket PolicyDocument",
		},
		{
			name: "AWS::SNS::Topic", tags: TagList, nameProperty: "TopicName",
			properties: "ContentBasedDeduplication DisplayName FifoTopic KmsMasterKeyId Subscription Tags TopicName TracingConfig",
			id:         func(place region.Region, name string, _ map[string]any) string { return place.ARN("sns", name) },
			attributes: attributes{"TopicArn": ownID, "TopicName": ownName},
		},
		{
			name: "AWS::DynamoDB::Table", pinned: "KeySchema", id: named, tags: TagList, nameProperty: "TableName", required: "KeySchema",
			properties: "AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexes LocalSecondaryIndexes " +
				"PointInTimeRecoverySpecification ProvisionedThroughput SSESpecification StreamSpecification TableClass TableName Tags " +
				"TimeToLiveSpecification",
			attributes: attributes{"Arn": regionalARN("dynamodb", "table/")},
		},
	}
}

// deliveryKinds are the types of what an environment's pipelines and dashboards name.
func deliveryKinds() []inertKind {
	return []inertKind{
		{
			name: "AWS::CodeBuild::Project", id: named, tags: TagList, nameProperty: "Name",
			required: "Artifacts Environment ServiceRole Source",
			properties: "BadgeEnabled BuildBatchConfig Cache ConcurrentBuildLimit Description EncryptionKey FileSystemLocations LogsConfig " +
				"Name QueuedTimeoutInMinutes ResourceAccessRole SecondaryArtifacts SecondarySources SecondarySourceVersions SourceVersion " +
				"Tags TimeoutInMinutes Triggers Visibility VpcConfig",
			attributes: attributes{"Arn": regionalARN("codebuild", "project/")},
		},
		{
			name: "AWS::CodePipeline::Pipeline", id: named, tags: TagList, nameProperty: "Name", required: "RoleArn Stages",
			properties: "ArtifactStore ArtifactStores DisableInboundStageTransitions ExecutionMode Name PipelineType RestartExecutionOnUpdate " +
				"Tags Triggers Variables",
			attributes: attributes{"Version": func(inertResource) any { return "1" }},
		},
		{
			name: "AWS::CodeCommit::Repository", nameProperty: "RepositoryName", required: "RepositoryName", tags: TagList,
			properties: "Code KmsKeyId RepositoryDescription Tags Triggers",
			id:         func(region.Region, string, map[string]any) string { return uuid.NewString() },
			attributes: attributes{
				"Arn": func(made inertResource) any { return made.place.ARN("codecommit", made.name) }, "Name": ownName,
				"CloneUrlHttp": func(made inertResource) any {
					return "https://git-codecommit." + made.place.Name + ".amazonaws.com/v1/repos/" + made.name
				},
				"CloneUrlSsh": func(made inertResource) any {
					return "ssh://git-codecommit." + made.place.Name + ".amazonaws.com/v1/repos/" + made.name
				},
			},
		},
		{
			name: "AWS::CloudWatch::Dashboard", id: named, nameProperty: "DashboardName", required: "DashboardBody",
			properties: "DashboardName",
		},
		{
			name: "AWS::Events::Rule", id: named, nameProperty: "Name",
			properties: "Description EventBusName EventPattern Name RoleArn ScheduleExpression State Targets Tags",
			attributes: attributes{"Arn": regionalARN("events", "rule/")},
		},
		{
			name: "AWS::CloudFormation::WaitConditionHandle",
			id: func(place region.Region, name string, _ map[string]any) string {
				return "https://cloudformation-waitcondition-" + place.Name + ".s3." + place.Name + ".amazonaws.com/" + name
			},
		},
	}
}

func lowered(_ region.Region, name string, _ map[string]any) string { return strings.ToLower(name) }
