package image

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io/fs"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// User is who runs in an image that has no base: not root, and nobody else's number.
const User = 65532

// certificates is where Go, OpenSSL and curl look for certificate authorities on most Linux systems.
const certificates = "etc/ssl/certs/ca-certificates.crt"

// system are the files that a program without a base needs. The certificate
// authorities come from a module, not from this machine: every machine makes the same layer.
func system() []entry {
	passwd := fmt.Sprintf("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:%d:%d:nonroot:/tmp:/sbin/nologin\n", User, User)
	group := fmt.Sprintf("root:x:0:\nnonroot:x:%d:\n", User)
	return []entry{
		fileOf("etc/passwd", []byte(passwd)),
		fileOf("etc/group", []byte(group)),
		fileOf("etc/nsswitch.conf", []byte("hosts: files dns\n")),
		fileOf(certificates, authorities()),
		folder("tmp", 0o777|fs.ModeSticky),
	}
}

// authorities is Mozilla's list as PEM. Those that it trusts only for certificates
// of some names or up to some day are left out: a file cannot say so.
func authorities() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes all
		}
	}
	return b.Bytes()
}
