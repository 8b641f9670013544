// Package specfile reads what a microservice's repository carries from the disk: its
// deploy.json and the CloudFormation template of a version. It checks the two against
// each other before anything is asked of a provider, and lints them.
//
// It may import the engine, whose Spec it fills, and a YAML parser.
package specfile

//go:generate go test -run ^TestTheSchemaIsCurrent$ -update .
