#!/usr/bin/env bash
# Play a whole case in one folder: a claimant, a holder and a third party, from the commitment to the check.
#
#   bash play.sh FOLDER
#
# Each party has a folder of its own, and hands over only what is copied into another's. The time-stamping authority and
# the beacon, which really are far away and public, are made up here, so that nothing needs the network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir "${1:?name a folder that does not exist yet}" && cd "$1"
mkdir claimant holder third-party public

say() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }
note() { printf '   %s\n' "$1"; }
# Show a command, and run it where a party is; what it prints is kept in the file 'printed'.
at() {
  local party=$1
  shift
  printf '%s$ %s\n' "$party" "$*"
  (cd "$party" && "$@") 2>&1 | tee printed | sed 's/^/   /'
}
# The first digest that the last command has printed.
digest() { grep -m 1 -oE '\b[0-9a-f]{64}\b' printed; }
key() {
  openssl genpkey -algorithm ed25519 -out "$1/$2.pem"
  openssl pkey -in "$1/$2.pem" -pubout -out "public/$2.pub"
}
# Have the authority say that a digest is there now: stamp DIGEST FILE
stamp() {
  openssl ts -query -sha256 -cert -digest "$1" -out authority/query.tsq 2>authority/log
  (cd authority && openssl ts -reply -config openssl.cnf -queryfile query.tsq -out reply.tsr 2>log)
  mv authority/reply.tsr "$2"
}

say "Everybody makes a key, and publishes its other half; the authority publishes its root certificate"
bash "$here/authority.sh" authority
cp authority/root.pem public/authority.pem
key claimant me
key holder holder
key third-party auditor

say "The claimant commits, before anything is published or anybody is suspected"
began=$SECONDS
at claimant fpframe train --recipe tiny --out victim.safetensors
# later than the token over the commitment, on a slow machine too; really a day would do
beacon=$(date -u -d "+$((30 + 4 * (SECONDS - began))) seconds" +%Y-%m-%dT%H:%M:%SZ)
at claimant fpframe commit paper:arc-e --weights victim.safetensors --recipe tiny --zoo-seed 0 --from-scratch \
  --beacon "$beacon" --key me.pem --out case
root=$(digest)
stamp "$root" claimant/root.tsr
at claimant fpframe seal case --key me.pem --timestamp root.tsr --authority ../public/authority.pem
note "The claimant keeps model, recipe and data secret. Only $root is public, and its date."

say "The holder gets hold of the claimant's file, alters and publishes it; beside it a model of its own"
cp claimant/victim.safetensors holder/leaked.safetensors
at holder python "$here/alter.py" leaked.safetensors copy.safetensors
at holder fpframe train --recipe tiny --backbone paper:arc-d --all-images --seed 7 --out own.safetensors
(cd holder && sha256sum copy.safetensors own.safetensors >../public/suspects.sha256)
note "The holder publishes the digests of both, so that nobody can say later that the third party asked others."

say "The beacon of $beacon is there: randomness that nobody could choose or know"
while [ "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \< "$beacon" ]; do sleep 1; done
echo "$beacon:$(openssl rand -hex 32)" | tee public/beacon

say "The claimant enrolls, and seals the enrolment before anybody is asked"
at claimant fpframe enroll --commitment case --beacon "$(cat public/beacon)" --out my.enrolment
stamp "$(digest)" claimant/enrolment.tsr
at claimant fpframe seal my.enrolment --commitment case --key me.pem --timestamp enrolment.tsr \
  --authority ../public/authority.pem

say "The holder calibrates it on models of its own choice, and seals that, before anybody is asked"
cp -r claimant/my.enrolment holder
at holder python "$here/rivals.py" rivals
at holder fpframe calibrate my.enrolment --independents rivals --backbone paper:arc-d --out rivals.enrolment
at holder fpframe seal rivals.enrolment --key holder.pem

say "The third party gets the enrolment from the claimant and the models from the holder, asks them, and signs"
cp -r claimant/my.enrolment holder/copy.safetensors holder/own.safetensors third-party
at third-party sha256sum -c ../public/suspects.sha256
sleep 1 # the first query is later than the seal, by whole seconds
today=$(date -u +%F)
at third-party fpframe verify my.enrolment copy.safetensors --backbone paper:arc-e --attest asked-copy \
  --key auditor.pem --released "$today" --report copy.html
at third-party fpframe verify my.enrolment own.safetensors --backbone paper:arc-d --attest asked-own \
  --key auditor.pem --released "$today" --report own.html

say "The third party derives the calibration again, and trains one of its models anew"
cp -r claimant/case third-party
at third-party fpframe audit my.enrolment --commitment case --models 1 --victim paper:arc-e \
  --weights ../claimant/victim.safetensors --from-scratch --answers asked-copy/answers-1.npz

say "The claimant makes bundles: all for the court, and for the public what shows neither queries nor answers"
cp -r third-party/asked-* holder/rivals.enrolment holder/rivals.enrolment.seal claimant
for suspect in copy own; do
  at claimant fpframe bundle --commitment case --commitment-seal case.seal --enrolment my.enrolment \
    --attest "asked-$suspect" --holder rivals.enrolment --key me.pem --out "court-$suspect.bundle"
done
at claimant fpframe bundle --commitment case --commitment-seal case.seal --enrolment my.enrolment --attest asked-copy \
  --key me.pem --public --open 20 --out ../public/copy.bundle

say "Anybody checks, without the victim, its data or the network"
mkdir court && cp -r claimant/court-*.bundle court
trusted=(--claimant ../public/me.pub --auditor ../public/auditor.pub --authority ../public/authority.pem)
at court fpframe check court-copy.bundle "${trusted[@]}" --holder ../public/holder.pub --report case.html
at court fpframe check court-own.bundle "${trusted[@]}" --holder ../public/holder.pub
at public fpframe check copy.bundle "${trusted[@]}"

say "Done. The altered file is called derived, the holder's own model is not, and both hold"
