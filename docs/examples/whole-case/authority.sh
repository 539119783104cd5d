#!/usr/bin/env bash
# Make a time-stamping authority (RFC 3161) in a folder: bash authority.sh FOLDER
# It answers with: cd FOLDER && openssl ts -reply -config openssl.cnf -queryfile QUERY -out REPLY
set -euo pipefail
mkdir "$1" && cd "$1"
cat >openssl.cnf <<'END'
[req]
distinguished_name = name
prompt = no
[name]
CN = Root of a played authority
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = stamping
[stamping]
dir = .
serial = ./serial
signer_cert = ./signer.pem
signer_key = ./signer.key
certs = ./root.pem
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
END
echo 01 >serial
{
  openssl req -x509 -newkey rsa:2048 -nodes -config openssl.cnf -keyout root.key -out root.pem -extensions root
  openssl req -newkey rsa:2048 -nodes -config openssl.cnf -subj "/CN=Signer of a played authority" \
    -keyout signer.key -out signer.csr
  openssl x509 -req -in signer.csr -CA root.pem -CAkey root.key -CAcreateserial -extfile openssl.cnf \
    -extensions signer -out signer.pem
} 2>/dev/null
