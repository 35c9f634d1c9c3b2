#!/bin/bash
# impacket as a CredSSP/NTLM initiator: impacket-rdp-check.sh host port user domain password|:nthash
# exit 0 "Access Granted", 1 otherwise. NB impacket 0.10 takes any TSRequest as success, also one with
# errorCode (a CredSSP v3+ acceptor that reports the failure); it sends TSRequest version 2 + raw NTLM.
# packages: python3-impacket python3-openssl
. "$(dirname "$0")/_lib.sh"
E=/usr/share/doc/python3-impacket/examples/rdp_check.py
[ -f $E ] || missing "$E" python3-impacket
W=$(mktemp -d); trap 'rm -rf "$W"' EXIT
sed "s/connect((host,3389))/connect((host,$2))/" $E >"$W/rdp_check.py"
case $5 in :*) a=(-hashes "$5" "$4/$3@$1") ;; *) a=("$4/$3:$5@$1") ;; esac
timeout 20 /usr/bin/python3 "$W/rdp_check.py" "${a[@]}" 2>&1 | tail -n +3 | tee "$W/out"; grep -q 'Access Granted' "$W/out"
