//go:build ignore

// Pack writes a file into a zip archive as an executable called by the file's name, without a time, so that equal files give equal archives.
package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: pack FILE ARCHIVE"))
	}
	content, err := os.ReadFile(os.Args[1])
	fail(err)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	header := &zip.FileHeader{Name: filepath.Base(os.Args[1]), Method: zip.Deflate}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	fail(err)
	_, err = f.Write(content)
	fail(err)
	fail(w.Close())
	fail(os.WriteFile(os.Args[2], out.Bytes(), 0o644))
	fmt.Printf("%s: %d bytes, SHA-256 %x\n", os.Args[2], out.Len(), sha256.Sum256(out.Bytes()))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}
