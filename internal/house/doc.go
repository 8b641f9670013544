// Package house checks what holds for every package of this module and what no linter
// knows. It has tests only, which read the sources and import nothing of them.
package house
