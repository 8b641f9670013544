// Package aws is the engine's ports on AWS: traffic weights on App Mesh (appmesh.go),
// the stacks of versions on CloudFormation (cloudformation.go), response counts and
// alarms on CloudWatch (cloudwatch.go), the health of tasks on ECS and Cloud Map
// (ecs.go, cloudmap.go) and the record of deployed versions in Parameter Store
// (ssm.go). Preflight (preflight.go) asks all of them whether a rollout can start.
//
// Connect makes the SDK's clients; every adapter takes only the few methods of them
// that it calls, so that a test hands it a fake. Every error that leaves an adapter is
// an *engine.Fault in an operator's words (fault.go), unless the caller's own context
// ended. What AWS, or anyone who may write to AWS, sends as text is stripped of control
// characters where it enters (text.go).
//
// The package imports the engine and aws-sdk-go-v2. It knows no front end, and it does
// not know whether a sandbox answers it: AWS_ENDPOINT_URL decides.
package aws
