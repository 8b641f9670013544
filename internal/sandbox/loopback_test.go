package sandbox

import (
	"bufio"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// loopbackOnly is 127.0.0.1 as /proc/net/tcp has it (proc_pid_net(5)).
const loopbackOnly = "0100007F"

// Every socket that this process listens on while a sandbox with all of Yelb runs is one
// of 127.0.0.1, whoever opened it; an address that was asked for is the exception.
func TestListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	before := listening(t)
	s := start(t, Options{Rate: 10})
	eventually(t, "Yelb answers", func() bool { return s.Visitors().Counts().ByStatus[200] > 0 })
	opened := 0
	for inode, address := range listening(t) {
		if _, old := before[inode]; old {
			continue
		}
		opened++
		if address != loopbackOnly {
			t.Errorf("a socket listens on %s, not on loopback", address)
		}
	}
	// The APIs, the page, and a port for each of Yelb's four services at the least.
	if opened < 6 {
		t.Errorf("%d sockets listen, which cannot be all", opened)
	}
	told := start(t, Options{Address: "0.0.0.0:0", Empty: true})
	everywhere := slices.DeleteFunc(slices.Collect(maps.Values(listening(t))), func(address string) bool { return address == loopbackOnly })
	if len(everywhere) != 1 {
		t.Errorf("told to listen on every address at %s, it listens on %v", told.Endpoint(), everywhere)
	}
}

// listening are the addresses, in hexadecimal and without ports, that this process
// listens on for TCP, by the sockets' inodes.
func listening(t *testing.T) map[string]string {
	t.Helper()
	descriptors, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(descriptors) == 0 {
		t.Skip("only Linux tells which sockets a process has")
	}
	ours := map[string]bool{}
	for _, descriptor := range descriptors {
		if link, err := os.Readlink(descriptor); err == nil {
			ours[strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")] = true
		}
	}
	found := map[string]string{}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		file, err := os.Open(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(file); lines.Scan(); {
			// Number, local address, remote address, state (0A listens), …, inode.
			if fields := strings.Fields(lines.Text()); len(fields) > 9 && fields[3] == "0A" && ours[fields[9]] {
				found[fields[9]], _, _ = strings.Cut(fields[1], ":")
			}
		}
		_ = file.Close()
	}
	return found
}
