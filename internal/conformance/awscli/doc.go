// Package awscli has the AWS CLI judge the sandbox: scripts of its commands, with the
// answers and exit codes that AWS would give (testdata/script), and a rollout that the
// CLI watches while it runs. It has tests only, and they may import everything: the
// engine, the adapters and the sandbox.
//
// The CLI is the one that tools/requirements.txt pins. It speaks with another
// implementation of the protocols than Serin does, by other models of the services: REST
// and JSON, JSON, Query, and what it prefers of CloudWatch's three.
package awscli
