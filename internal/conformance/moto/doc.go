// Package moto has moto's server, which others wrote and use in AWS's place, judge the
// adapters: one table of behaviours at the engine's ports passes against moto and
// against the sandbox, so that neither the adapters nor the sandbox can be wrong about
// AWS in the same way by themselves. It has tests only, and they may import everything:
// the engine, the adapters and the sandbox.
//
// What moto does not do is a list with reasons (gaps_test.go), and what it says in other
// words than AWS is put into AWS's words on the way (corrections_test.go). Both fail when
// they are no longer true.
//
// moto is the one that tools/requirements.txt pins. Its CloudWatch does not speak CBOR,
// so that client speaks JSON to it.
package moto
