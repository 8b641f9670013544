package cloudmap

// Instance is one registered instance of a Cloud Map service, as a resolver sees it.
type Instance struct {
	ID string
	// Attributes holds what was registered: AWS_INSTANCE_IPV4, AWS_INSTANCE_PORT,
	// ECS_CLUSTER_NAME, ECS_SERVICE_NAME, ECS_TASK_DEFINITION_FAMILY and the like.
	Attributes map[string]string
	// Healthy is false when the instance's custom health status was set to UNHEALTHY.
	Healthy bool
}
