// Judges a chain as Go's TLS does: verify ROOT CHAIN server|client. Ends with 0 when it is accepted, 1 when it is refused.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

func read(path string) []*x509.Certificate {
	text, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	var all []*x509.Certificate
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			return all
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			fail(err)
		}
		all = append(all, certificate)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(3)
}

func main() {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, root := range read(os.Args[1]) {
		roots.AddCert(root)
	}
	chain := read(os.Args[2])
	for _, certificate := range chain[1:] {
		between.AddCert(certificate)
	}
	usage := x509.ExtKeyUsageServerAuth
	if os.Args[3] == "client" {
		usage = x509.ExtKeyUsageClientAuth
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
