// Package dynamojournal is the journal of a team: engine.Journal in one table of
// DynamoDB, which everyone reads and writes whose credentials may.
//
// What a method has answered is in the table, and everything is read strongly
// consistently, so what was answered to one process is seen by the next read of any
// other. There is no index and nothing expires: a journal is kept.
//
// The table has the keys pk and sk, both text. Its items:
//
//	pk                     sk                  what it is
//	rollout#ID             header              the rollout, its last event's number, its lease
//	rollout#ID             events#N            the events up to number N that were appended together
//	rollout#ID             command#N           the command with the number N
//	service#A/R/E/S        open                the open rollout of a service: there is one such item
//	rollouts#A/R/E         STARTED#ID          the rollouts of an environment, by time
//	environments           A/R/E               the environments that have rollouts
//
// An append is one transaction on the condition that the header still has the number of
// the last event; the lease is changed on the condition of its fence. A write whose
// answer was lost is looked for by the mark that its writer put on it, and so is a write
// that fails its condition because the SDK had sent it twice.
//
// The package imports the engine, package journal for what all journals have in common,
// package aws for its words about failed calls, and the SDK.
package dynamojournal
