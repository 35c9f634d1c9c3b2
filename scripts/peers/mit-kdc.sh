#!/bin/bash
# MIT krb5 KDC peer: two realms with two-way cross-realm trust, PKINIT, SPAKE, FAST,
# aes-sha1, aes-sha2 (RFC 8009), rc4, camellia; UDP + TCP; kadmin + kpasswd.
# State in $PEER_STATE/mit-kdc: info.json tells ports, accounts and files; env.sh is for the tools of MIT.
# Debian packages: krb5-kdc krb5-admin-server krb5-user krb5-pkinit openssl
. "$(dirname "$0")/_lib.sh"
EXTRA_VERBS="env|reset"
D="$PEER_STATE/mit-kdc"
R1=EXAMPLE.TEST R2=OTHER.TEST
P1=${MIT_KDC_PORT:-18088} P2=${MIT_KDC_PORT2:-18089}
PA=${MIT_KADMIN_PORT:-18749} PP=${MIT_KPASSWD_PORT:-18464}
export KRB5_CONFIG="$D/krb5.conf" KRB5_KDC_PROFILE="$D/kdc.conf"

ETYPES="aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal aes256-cts-hmac-sha384-192:normal aes128-cts-hmac-sha256-128:normal arcfour-hmac:normal"

write_conf() {
  cat >"$D/krb5.conf" <<C
[libdefaults]
  default_realm = $R1
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  forwardable = true
  allow_weak_crypto = true
  spake_preauth_groups = edwards25519
  plugin_base_dir = /usr/lib/$(gcc -dumpmachine 2>/dev/null || dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)/krb5/plugins
[realms]
  $R1 = {
    kdc = 127.0.0.1:$P1
    admin_server = 127.0.0.1:$PA
    kpasswd_server = 127.0.0.1:$PP
    pkinit_anchors = FILE:$D/pki/ca.pem
  }
  $R2 = {
    kdc = 127.0.0.1:$P2
    pkinit_anchors = FILE:$D/pki/ca.pem
  }
[domain_realm]
  .example.test = $R1
  example.test = $R1
  .other.test = $R2
  other.test = $R2
C
  # the multiarch guess must exist, else drop the line
  local pb; pb=$(sed -n 's/.*plugin_base_dir = //p' "$D/krb5.conf"); [ -d "$pb" ] || sed -i '/plugin_base_dir/d' "$D/krb5.conf"
  cat >"$D/kdc.conf" <<C
[kdcdefaults]
  kdc_listen = ""
  kdc_tcp_listen = ""
  spake_preauth_kdc_challenge = edwards25519
[realms]
$(for r in $R1 $R2; do
  [ $r = $R1 ] && p=$P1 || p=$P2
  cat <<I
  $r = {
    database_name = $D/$r.db
    key_stash_file = $D/$r.stash
    acl_file = $D/kadm5.acl
    kdc_listen = 127.0.0.1:$p
    kdc_tcp_listen = 127.0.0.1:$p
    kadmind_listen = 127.0.0.1:$PA
    kpasswd_listen = 127.0.0.1:$PP
    max_life = 10h
    max_renewable_life = 7d
    master_key_type = aes256-cts
    supported_enctypes = $ETYPES
    default_principal_flags = +forwardable
    pkinit_identity = FILE:$D/pki/kdc.$r.pem,$D/pki/kdc.$r.key
    pkinit_anchors = FILE:$D/pki/ca.pem
    pkinit_eku_checking = scLogin
    pkinit_allow_upn = true
    encrypted_challenge_indicator = fast
    spake_preauth_indicator = spake
    pkinit_indicator = pkinit
  }
I
done)
[logging]
  kdc = FILE:$D/kdc.log
  admin_server = FILE:$D/kadmind.log
  default = FILE:$D/default.log
C
  echo "*/admin@$R1 *" >"$D/kadm5.acl"
}

make_pki() { # CA, a KDC certificate per realm, user certificates (id-pkinit-san and MS UPN)
  local p="$D/pki" r; mkdir -p "$p"
  cat >"$p/ext.cnf" <<'C'
[req]
distinguished_name = dn
prompt = no
[dn]
CN = ${ENV::CN}
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[kdc]
basicConstraints = CA:FALSE
keyUsage = nonRepudiation,digitalSignature,keyEncipherment,keyAgreement
extendedKeyUsage = 1.3.6.1.5.2.3.5
subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:kprinc
[client]
basicConstraints = CA:FALSE
keyUsage = digitalSignature,keyEncipherment,keyAgreement
extendedKeyUsage = 1.3.6.1.5.2.3.4,1.3.6.1.4.1.311.20.2.2,clientAuth
subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:cprinc
[upn]
basicConstraints = CA:FALSE
keyUsage = digitalSignature,keyEncipherment
extendedKeyUsage = 1.3.6.1.4.1.311.20.2.2,clientAuth
subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:${ENV::CN}@${ENV::REALM}
[kprinc]
realm = EXP:0,GeneralString:${ENV::REALM}
principal_name = EXP:1,SEQUENCE:kname
[kname]
name_type = EXP:0,INTEGER:2
name_string = EXP:1,SEQUENCE:kparts
[kparts]
n1 = GeneralString:krbtgt
n2 = GeneralString:${ENV::REALM}
[cprinc]
realm = EXP:0,GeneralString:${ENV::REALM}
principal_name = EXP:1,SEQUENCE:cname
[cname]
name_type = EXP:0,INTEGER:1
name_string = EXP:1,SEQUENCE:cparts
[cparts]
n1 = GeneralString:${ENV::CN}
C
  export CN="Peer Test CA" REALM=$R1
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -config "$p/ext.cnf" -extensions ca -keyout "$p/ca.key" -out "$p/ca.pem" 2>/dev/null || return 1
  issue() { # file ext cn realm
    CN="$3" REALM="$4" openssl req -new -newkey rsa:2048 -nodes -config "$p/ext.cnf" -keyout "$p/$1.key" -out "$p/$1.csr" 2>/dev/null &&
    CN="$3" REALM="$4" openssl x509 -req -in "$p/$1.csr" -CA "$p/ca.pem" -CAkey "$p/ca.key" -CAcreateserial -days 3650 -extfile "$p/ext.cnf" -extensions "$2" -out "$p/$1.pem" 2>/dev/null
  }
  issue kdc.$R1 kdc kdc $R1 && issue kdc.$R2 kdc kdc $R2 && issue alice client alice $R1 && issue alice-upn upn alice $R1
}

provision() {
  rm -rf "$D"; mkdir -p "$D"; write_conf
  make_pki || { echo "pki failed" >&2; return 1; }
  kdb5_util -r $R1 create -s -P master1 >"$D/provision.log" 2>&1 || return 1
  kdb5_util -r $R2 create -s -P master2 >>"$D/provision.log" 2>&1 || return 1
  local xe="aes256-cts:normal,aes128-cts:normal,aes256-sha2:normal"
  kadmin.local -p root/admin@$R1 -r $R1 >>"$D/provision.log" 2>&1 <<C
addprinc -pw AlicePass1! +requires_preauth alice
addprinc -pw BobPass1! +requires_preauth bob
addprinc -pw NoPre1! -requires_preauth nopreauth
addprinc -pw Aes128Pass1! -e aes128-cts:normal +requires_preauth aes128only
addprinc -pw Sha2Pass1! -e aes256-sha2:normal,aes128-sha2:normal +requires_preauth sha2only
addprinc -pw Rc4Pass1! -e arcfour-hmac:normal +requires_preauth rc4only
addprinc -pw Expired1! -expire yesterday +requires_preauth expired
addprinc -pw Change1! +needchange mustchange
addprinc -pw Admin1! alice/admin
addprinc -pw SvcPass1! +ok_as_delegate TERMSRV/host.example.test
addprinc -randkey +ok_as_delegate HTTP/host.example.test
addprinc -randkey WSMAN/host.example.test
addprinc -randkey host/host.example.test
addprinc -randkey -e aes256-sha2:normal HTTP/sha2.example.test
addprinc -randkey -e arcfour-hmac:normal HTTP/rc4.example.test
addprinc -randkey -e aes128-cts:normal HTTP/aes128.example.test
addprinc -randkey WELLKNOWN/ANONYMOUS
addprinc -pw Xrealm1! -e $xe krbtgt/$R2@$R1
addprinc -pw Xrealm2! -e $xe krbtgt/$R1@$R2
ktadd -k $D/service.keytab -norandkey TERMSRV/host.example.test HTTP/host.example.test WSMAN/host.example.test host/host.example.test HTTP/sha2.example.test HTTP/rc4.example.test HTTP/aes128.example.test
ktadd -k $D/users.keytab -norandkey alice bob aes128only sha2only rc4only
C
  kadmin.local -p root/admin@$R2 -r $R2 >>"$D/provision.log" 2>&1 <<C
addprinc -pw CarolPass1! +requires_preauth carol
addprinc -pw TSvc2! TERMSRV/host.other.test
addprinc -randkey HTTP/host.other.test
addprinc -pw Xrealm1! -e $xe krbtgt/$R2@$R1
addprinc -pw Xrealm2! -e $xe krbtgt/$R1@$R2
ktadd -k $D/service-other.keytab -norandkey TERMSRV/host.other.test HTTP/host.other.test
C
  [ -s "$D/service.keytab" ] && [ -s "$D/service-other.keytab" ] || { echo "principals not made, see $D/provision.log" >&2; return 1; }
  cat >"$D/env.sh" <<C
export KRB5_CONFIG=$D/krb5.conf KRB5_KDC_PROFILE=$D/kdc.conf
C
  cat >"$D/info.json" <<C
{"realm":"$R1","kdc":{"host":"127.0.0.1","port":$P1},"realm2":"$R2","kdc2":{"host":"127.0.0.1","port":$P2},
 "kadmin":{"host":"127.0.0.1","port":$PA},"kpasswd":{"host":"127.0.0.1","port":$PP},
 "users":{"alice":"AlicePass1!","bob":"BobPass1!","nopreauth":"NoPre1!","aes128only":"Aes128Pass1!","sha2only":"Sha2Pass1!","rc4only":"Rc4Pass1!","expired":"Expired1!","mustchange":"Change1!"},
 "users2":{"carol":"CarolPass1!"},
 "services":["TERMSRV/host.example.test","HTTP/host.example.test","WSMAN/host.example.test","host/host.example.test","HTTP/sha2.example.test","HTTP/rc4.example.test","HTTP/aes128.example.test"],
 "services2":["TERMSRV/host.other.test","HTTP/host.other.test"],
 "keytab":"$D/service.keytab","keytab2":"$D/service-other.keytab","userKeytab":"$D/users.keytab",
 "krb5Config":"$D/krb5.conf","ca":"$D/pki/ca.pem","pkinitUser":{"cert":"$D/pki/alice.pem","key":"$D/pki/alice.key","principal":"alice@$R1"},
 "pkinitUpnUser":{"cert":"$D/pki/alice-upn.pem","key":"$D/pki/alice-upn.key","principal":"alice@$R1"}}
C
  touch "$D/.ok"
}

do_start() {
  need krb5kdc krb5-kdc; need kadmin.local krb5-admin-server; need kinit krb5-user; need openssl openssl
  local t0; t0=$(now_ms)
  if [ ! -f "$D/.ok" ] || ! grep -q "127.0.0.1:$P1" "$D/kdc.conf"; then do_stop; provision || { echo "provision failed, see $D/provision.log" >&2; exit 1; }; fi
  local r p
  for r in $R1 $R2; do
    [ $r = $R1 ] && p=$P1 || p=$P2
    if ! pid_of "$D/krb5kdc.$r.pid" >/dev/null; then
      spawn "$D/krb5kdc.$r.pid" "$D/krb5kdc.$r.out" krb5kdc -n -r $r
      wait_port 127.0.0.1 $p 100 "$D/krb5kdc.$r.pid" || { echo "krb5kdc $r did not start; see $D/kdc.log $D/krb5kdc.$r.out" >&2; exit 1; }
    fi
  done
  if ! pid_of "$D/kadmind.pid" >/dev/null; then
    spawn "$D/kadmind.pid" "$D/kadmind.out" kadmind -nofork -r $R1
    wait_port 127.0.0.1 $PA 100 "$D/kadmind.pid" || { echo "kadmind did not start; see $D/kadmind.log" >&2; exit 1; }
  fi
  echo "mit-kdc up in $(( $(now_ms)-t0 )) ms: $R1 127.0.0.1:$P1, $R2 127.0.0.1:$P2 (udp+tcp); . $D/env.sh"
}
do_stop() { local f; for f in "$D"/*.pid; do [ -e "$f" ] && stop_pid "$f"; done; return 0; }
do_status() {
  local p rc=0 n
  for n in krb5kdc.$R1 krb5kdc.$R2 kadmind; do
    if p=$(pid_of "$D/$n.pid"); then echo "$n running pid $p"; else echo "$n not running"; rc=3; fi
  done; exit $rc
}
do_env() { cat "$D/env.sh"; }
do_reset() { do_stop; rm -rf "$D"; }
dispatch "$@"
