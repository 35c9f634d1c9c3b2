#!/bin/bash
# Makes the certificates of the TLS tests, valid for a hundred years. Run it again only to add some: `bash make.sh` makes all anew.
# Needs the openssl command line tool, version 3.
set -eu
cd "$(dirname "$0")"
rm -f ./*.pem ./*.key
DAYS=36500
RSA='-newkey rsa:2048'
EC='-newkey ec -pkeyopt ec_paramgen_curve:P-256'
NAMES='subjectAltName=DNS:server.example.com,DNS:localhost,IP:127.0.0.1,IP:2001:db8::1'

# Self-signed servers, one per kind of key and per hash that tls-server-end-point distinguishes.
self() { # name, key options, further options
  openssl req -x509 -noenc $2 -keyout "$1.key" -out "$1.pem" -days $DAYS -subj '/O=Test/CN=server.example.com' -addext "$NAMES" ${3:-} 2>/dev/null
}
self rsa "$RSA"
self rsa-of-another "$RSA"
self ec "$EC"
self ed25519 '-newkey ed25519'
openssl req -x509 -key rsa.key -out rsa-sha384.pem -days $DAYS -subj /CN=server.example.com -addext "$NAMES" -sha384
openssl req -x509 -key rsa.key -out rsa-sha512.pem -days $DAYS -subj /CN=server.example.com -addext "$NAMES" -sha512
openssl req -x509 -key rsa.key -out rsa-sha1.pem -days $DAYS -subj /CN=server.example.com -addext "$NAMES" -sha1
openssl req -x509 -key rsa.key -out rsa-pss384.pem -days $DAYS -subj /CN=server.example.com -addext "$NAMES" -sha384 -sigopt rsa_padding_mode:pss
openssl req -x509 -key ec.key -out ec-sha512.pem -days $DAYS -subj /CN=server.example.com -addext "$NAMES" -sha512
openssl req -x509 -key ec.key -out cn-only.pem -days $DAYS -subj /CN=cn.example.com

# A root, a CA below it, and what they issue. All leaves share one key.
openssl req -x509 -noenc $EC -keyout root.key -out root.pem -days $DAYS -subj '/O=Test/CN=Test Root' -addext 'keyUsage=critical,keyCertSign' 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl ecparam -name prime256v1 -genkey -noout -out leaf.key

issue() { # name, subject, key, issuer, extensions (one per line), further options
  openssl req -new -key "$3.key" -subj "$2" -out "$1.csr"
  printf '%b' "$5" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$4.pem" -CAkey "$(issuer_key "$4").key" -CAcreateserial -out "$1.pem" -days $DAYS -extfile "$1.ext" ${6:-} 2>/dev/null
  rm "$1.csr" "$1.ext"
}
issuer_key() { case "$1" in root) echo root ;; server) echo leaf ;; *) echo ca ;; esac; }

CA='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
SERVER='basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n'
issue intermediate '/O=Test/CN=Test Intermediate' ca root "$CA"
issue intermediate-pathlen0 '/O=Test/CN=Test Intermediate 0' ca root 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n'
issue intermediate-mail '/O=Test/CN=Test Intermediate Mail' ca root "${CA}extendedKeyUsage=emailProtection\n"
issue intermediate-no-sign '/O=Test/CN=Test Intermediate No Sign' ca root 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n'
issue sub-ca '/O=Test/CN=Test Sub CA' ca intermediate-pathlen0 "$CA"

issue server '/O=Test/CN=server.example.com' leaf intermediate "${SERVER}$NAMES\n"
issue wildcard '/O=Test/CN=unused' leaf intermediate "${SERVER}subjectAltName=DNS:*.example.com,DNS:*.com\n"
issue remote-desktop '/O=Test/CN=server.example.com' leaf intermediate "extendedKeyUsage=1.3.6.1.4.1.311.54.1.2\n$NAMES\n"
issue any-usage '/O=Test/CN=server.example.com' leaf intermediate "extendedKeyUsage=anyExtendedKeyUsage\n$NAMES\n"
issue wrong-usage '/O=Test/CN=server.example.com' leaf intermediate "extendedKeyUsage=codeSigning\n$NAMES\n"
issue signs-certificates-only '/O=Test/CN=server.example.com' leaf intermediate "keyUsage=cRLSign\n$NAMES\n"
issue unknown-critical '/O=Test/CN=server.example.com' leaf intermediate "1.2.3.4.5=critical,ASN1:NULL\n$NAMES\n"
issue sha1 '/O=Test/CN=server.example.com' leaf intermediate "${SERVER}$NAMES\n" -sha1
issue below-pathlen0 '/O=Test/CN=server.example.com' leaf sub-ca "${SERVER}$NAMES\n"
issue below-mail '/O=Test/CN=server.example.com' leaf intermediate-mail "${SERVER}$NAMES\n"
issue below-no-sign '/O=Test/CN=server.example.com' leaf intermediate-no-sign "${SERVER}$NAMES\n"
issue below-leaf '/O=Test/CN=below.example.com' leaf server "${SERVER}$NAMES\n"
# Two CAs, each of which was issued by the other, and a leaf below.
openssl req -x509 -key ca.key -out ring-one.pem -days $DAYS -subj '/O=Test/CN=Test Ring One'
issue ring-two '/O=Test/CN=Test Ring Two' ca ring-one "$CA"
issue ring-one '/O=Test/CN=Test Ring One' ca ring-two "$CA"
issue below-ring '/O=Test/CN=server.example.com' leaf ring-two "${SERVER}$NAMES\n"
issue client '/O=Test/CN=alice' leaf intermediate 'extendedKeyUsage=clientAuth\n'
rm -f ./*.srl
