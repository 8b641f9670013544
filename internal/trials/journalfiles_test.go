package trials

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"testing"
)

// damagedWords are what is said of a journal that is damaged.
func damagedWords() []string {
	return []string{"damaged", "move it away together with its -wal and -shm files"}
}

// troublesOfFiles are what can be done to the files of a journal while its driver has them
// open, and SQLite a part of them in its memory.
func troublesOfFiles() map[string]trouble {
	return map[string]trouble{
		"overwritten":     {spoiled("", "-wal"), true, damagedWords()},
		"log overwritten": {spoiled("-wal"), true, damagedWords()},
		"log emptied":     {emptied, true, damagedWords()},
		"log removed":     {removed, false, []string{"journal.db-wal beside it was removed or replaced", "put the file back that was there"}},
	}
}

// spoiled overwrites files, by the ends of their names.
func spoiled(suffixes ...string) func(t *testing.T, d *disk) (end func()) {
	return func(t *testing.T, d *disk) func() {
		t.Helper()
		return d.change(t, suffixes, func(path string, was []byte) error {
			return overwrite(path, bytes.Repeat([]byte{0xA5}, len(was)))
		})
	}
}

// emptied empties the log.
func emptied(t *testing.T, d *disk) (end func()) {
	t.Helper()
	return d.change(t, []string{"-wal"}, func(path string, _ []byte) error { return os.Truncate(path, 0) })
}

// change changes files in place, and puts back what was in them. Where the log is among
// them, so is the memory that says what is where in it.
func (d *disk) change(t *testing.T, suffixes []string, do func(path string, was []byte) error) (end func()) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := map[string][]byte{}
	for _, suffix := range suffixes {
		kept[suffix] = d.read(t, suffix)
		if suffix == "-wal" {
			kept["-shm"] = d.read(t, "-shm")
		}
	}
	for _, suffix := range suffixes {
		if err := do(d.path+suffix, kept[suffix]); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for suffix, was := range kept {
			if err := overwrite(d.path+suffix, was); err != nil {
				t.Error(err)
			}
		}
	}
}

func (d *disk) read(t *testing.T, suffix string) []byte {
	t.Helper()
	was, err := os.ReadFile(d.path + suffix)
	if err != nil {
		t.Fatal(err)
	}
	return was
}

// overwrite puts something in the place of what is in a file, which stays the same file.
func overwrite(path string, what []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(what, 0)
	return errors.Join(err, file.Truncate(int64(len(what))), file.Close())
}

// removed takes the log and its memory away. Until they are put back they have no names
// under which another process would find them.
func removed(t *testing.T, d *disk) (end func()) {
	t.Helper()
	move := func(from, to string) {
		for _, suffix := range []string{"-wal", "-shm"} {
			if err := os.Rename(d.path+suffix+from, d.path+suffix+to); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	}
	move("", ".away")
	return func() { move(".away", "") }
}
