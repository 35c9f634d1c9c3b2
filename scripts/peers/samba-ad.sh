#!/bin/bash
# Samba as an Active Directory domain controller on 127.0.0.10: KDC, kpasswd, LDAP(S), SMB, netlogon RPC.
# State in $PEER_STATE/samba-ad: info.json tells accounts, services and files; env.sh is for the tools of Samba and MIT.
# Root is needed (ports 88, 389, 445, 464, 636); without it the script runs itself under sudo.
# SAMBA_AD_TAR=FILE : a provisioned state to start from, made by "samba-ad.sh pack FILE".
# Debian packages: samba samba-ad-provision winbind smbclient krb5-user ldap-utils python3-samba samba-dsdb-modules
#   samba-vfs-modules libsasl2-modules-gssapi-mit openssl
. "$(dirname "$0")/_lib.sh"
EXTRA_VERBS="pack FILE|check|reset"
D="$PEER_STATE/samba-ad"
IP=${SAMBA_AD_IP:-127.0.0.10}
REALM=EXAMPLE.TEST DOM=EXAMPLE

write_conf() { # every directory that samba would otherwise place in /var or /run
  mkdir -p "$D"/{private,state,cache,lock,run,ncalrpc,binddns,ntp,log,tls,usershare}
  mkdir -p "$D/share"; chmod 755 "$D" "$D/ncalrpc" "$D/ntp" "$D/state"; chmod 777 "$D/share"
  chmod a+x "$PEER_STATE"  # smbd opens files as the mapped uid of the AD user
  chmod 700 "$D/private"
  cat >"$D/smb.conf" <<C
[global]
  realm = $REALM
  workgroup = $DOM
  netbios name = DC1
  server role = active directory domain controller
  server services = s3fs, rpc, ldap, cldap, kdc, winbindd, dns
  dns forwarder =
  interfaces = $IP/8
  bind interfaces only = yes
  private dir = $D/private
  state directory = $D/state
  cache directory = $D/cache
  lock directory = $D/lock
  pid directory = $D/run
  ncalrpc dir = $D/ncalrpc
  binddns dir = $D/binddns
  ntp signd socket directory = $D/ntp
  usershare path =
  log file = $D/log/log.%m
  logging = file
  max log size = 0
  log level = ${SAMBA_AD_LOG:-1 auth_audit:3 kerberos:3}
  printing = bsd
  load printers = no
  printcap name = /dev/null
  disable spoolss = yes
  smb ports = 445
  tls enabled = yes
  tls keyfile = $D/tls/key.pem
  tls certfile = $D/tls/cert.pem
  tls cafile =
  ntlm auth = ${SAMBA_AD_NTLM:-ntlmv2-only}
  idmap_ldb:use rfc2307 = yes
[sysvol]
  path = $D/state/sysvol
  read only = no
[share]
  path = $D/share
  read only = no
[netlogon]
  path = $D/state/sysvol/example.test/scripts
  read only = no
C
  cat >"$D/krb5.conf" <<C
[libdefaults]
  default_realm = $REALM
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  forwardable = true
[realms]
  $REALM = {
    kdc = $IP:88
    kpasswd_server = $IP:464
    admin_server = $IP:464
  }
[domain_realm]
  .example.test = $REALM
  example.test = $REALM
C
  cat >"$D/env.sh" <<C
export KRB5_CONFIG=$D/krb5.conf SMB_CONF_PATH=$D/smb.conf
C
  cat >"$D/info.json" <<C
{"realm":"$REALM","domain":"$DOM","ip":"$IP","dc":"dc1.example.test","kdc":{"host":"$IP","port":88},"kpasswd":{"host":"$IP","port":464},
 "ldap":"ldap://$IP:389","ldaps":"ldaps://$IP:636","smb":"//$IP/sysvol","cert":"$D/tls/cert.pem","krb5Config":"$D/krb5.conf","smbConf":"$D/smb.conf",
 "users":{"Administrator":"AdminPass1!","alice":"AlicePass1!","bob":"BobPass1!","carol":"Pässwörd1€","mustchange":"Change1!x","disabled":"Disabled1!","protected":"Protected1!"},
 "services":{"svc-host":{"password":"SvcPass1!x","spns":["TERMSRV/host.example.test","HTTP/host.example.test","WSMAN/host.example.test"],"enctypes":"aes"},
             "svc-rc4":{"password":"Rc4Pass1!x","spns":["HTTP/rc4.example.test"],"enctypes":"rc4"},
             "HOST2\$":{"password":"HostPass1!x","spns":["HOST/host2.example.test","TERMSRV/host2.example.test"],"enctypes":"aes"}},
 "keytab":"$D/service.keytab","userKeytab":"$D/users.keytab"}
C
}
provision() {
  rm -rf "$D"; mkdir -p "$D/prov"
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=dc1.example.test -addext "subjectAltName=DNS:dc1.example.test,IP:$IP" \
    -keyout "$D/key.pem" -out "$D/cert.pem" 2>/dev/null || return 1
  samba-tool domain provision --realm=$REALM --domain=$DOM --server-role=dc --dns-backend=SAMBA_INTERNAL --adminpass='AdminPass1!' \
    --host-name=dc1 --host-ip=$IP --targetdir="$D/prov" --use-rfc2307 --option="interfaces=$IP/8" --option='bind interfaces only=yes' \
    --option="log file=$D/prov/log" --option='usershare path=' >"$D/provision.log" 2>&1 || return 1
  local x; for x in private state cache; do [ ! -e "$D/prov/$x" ] || mv "$D/prov/$x" "$D/$x" || return 1; done
  write_conf; mv "$D/key.pem" "$D/cert.pem" "$D/tls/"; chmod 600 "$D/tls/key.pem"
  rm -rf "$D/prov"
  # accounts, SPNs, keytabs: one process on the database, no server needed
  D="$D" IP="$IP" /usr/bin/python3 - >>"$D/provision.log" 2>&1 <<'P' || return 1
import os, ldb
from samba.samdb import SamDB
from samba.auth import system_session
from samba.param import LoadParm
from samba.credentials import Credentials
from samba.net import Net
import samba.dckeytab
D = os.environ['D']; IP = os.environ['IP']
lp = LoadParm(); lp.load(D + '/smb.conf')
db = SamDB(url=D + '/private/sam.ldb', session_info=system_session(), lp=lp)
def mod(dn, **kw):
    m = ldb.Message(ldb.Dn(db, str(dn)))
    for k, v in kw.items(): m[k] = ldb.MessageElement(v, ldb.FLAG_MOD_REPLACE, k.replace('_', '-'))
    db.modify(m)
def dn(n): return db.search(expression='(sAMAccountName=%s)' % n, attrs=[])[0].dn
mod(db.domain_dn(), maxPwdAge='-9223372036854775808', minPwdAge='0', lockoutThreshold='0', pwdHistoryLength='0')
for n, p in (('alice', 'AlicePass1!'), ('bob', 'BobPass1!'), ('carol', 'Pässwörd1€'), ('disabled', 'Disabled1!'), ('protected', 'Protected1!')):
    db.newuser(n, p)
    mod(dn(n), msDS_SupportedEncryptionTypes='31')
db.newuser('mustchange', 'Change1!x', force_password_change_at_next_login_req=True)
db.disable_account('(sAMAccountName=disabled)')
db.add_remove_group_members('Protected Users', ['protected'])   # no NTLM, no rc4
for n, p, e, s in (('svc-host', 'SvcPass1!x', '24', ['TERMSRV/host.example.test', 'HTTP/host.example.test', 'WSMAN/host.example.test']),
                   ('svc-rc4', 'Rc4Pass1!x', '4', ['HTTP/rc4.example.test'])):
    db.newuser(n, p); mod(dn(n), servicePrincipalName=s, msDS_SupportedEncryptionTypes=e)
# AES keys exist for every password set here; trusted for delegation so that OK-AS-DELEGATE is set
mod(dn('svc-host'), userAccountControl=str(0x200 | 0x80000))
db.newcomputer('HOST2', service_principal_name_list=['HOST/host2.example.test', 'TERMSRV/host2.example.test'])
db.setpassword('(sAMAccountName=HOST2$)', 'HostPass1!x')
mod(dn('HOST2$'), msDS_SupportedEncryptionTypes='24')
m = ldb.Message(dn('DC1$')); m['a'] = ldb.MessageElement(['%s/127.0.0.%d' % (s, n) for s in ('ldap', 'cifs') for n in (10, 11, 12, 13)] + ['HTTP/dc1.example.test', 'ldap/dc1.example.test'], ldb.FLAG_MOD_ADD, 'servicePrincipalName'); db.modify(m)
net = Net(Credentials(), lp)
for p in ('TERMSRV/host.example.test', 'HTTP/host.example.test', 'WSMAN/host.example.test', 'HTTP/rc4.example.test', 'TERMSRV/host2.example.test', 'svc-host'):
    net.export_keytab(keytab=D + '/service.keytab', principal=p)
for p in ('alice', 'bob'): net.export_keytab(keytab=D + '/users.keytab', principal=p)
P
  touch "$D/.ok"
}
unpack() { # a packed state knows its old directory; smb.conf is written anew, the databases are relative
  rm -rf "$D"; mkdir -p "$D"; tar --xattrs --xattrs-include='*' -C "$D" -xzf "$1" && write_conf && touch "$D/.ok"
}
do_start() {
  need samba samba; need samba-tool samba; need openssl openssl; need smbclient smbclient
  local t0; t0=$(now_ms)
  if [ ! -f "$D/.ok" ]; then
    if [ -n "${SAMBA_AD_TAR:-}" ] && [ -f "$SAMBA_AD_TAR" ]; then unpack "$SAMBA_AD_TAR"; else provision; fi || { echo "provision failed, see $D/provision.log" >&2; tail -5 "$D/provision.log" >&2; exit 1; }
  fi
  local t1; t1=$(now_ms)
  if ! pid_of "$D/samba.pid" >/dev/null; then
    find "$D/run" "$D/ncalrpc" "$D/runsamba" -mindepth 1 -delete 2>/dev/null
    # libwbclient (used by smbd itself) only looks in /run/samba/winbindd: give samba a
    # private /run/samba by a mount namespace, so that nothing outside $D is written.
    mkdir -p /run/samba "$D/runsamba/winbindd"; chmod 755 "$D/runsamba" "$D/runsamba/winbindd"
    spawn "$D/samba.pid" "$D/samba.out" unshare -m --propagation private /bin/sh -c \
      'mount --bind "$1/runsamba" /run/samba && exec samba -F --no-process-group -s "$1/smb.conf"' sh "$D"
    local p; for p in 88 389 445 464; do
      wait_port $IP $p 600 "$D/samba.pid" || { echo "samba did not open $IP:$p; see $D/samba.out $D/log/" >&2; exit 1; }
    done
    # RPC and winbind children come later; a logon through SMB proves the whole
    local i; for i in $(seq 100); do
      smbclient -s "$D/smb.conf" -U 'EXAMPLE\alice%AlicePass1!' -c quit "//$IP/sysvol" >/dev/null 2>&1 && break; sleep 0.1
    done
  fi
  # who is not root still has to read what the tests need
  [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$D"/*.keytab "$D"/*.conf "$D/info.json" "$D/env.sh"
  echo "samba-ad up in $(( $(now_ms)-t0 )) ms (state ready after $(( t1-t0 )) ms): $REALM on $IP (88 389 445 464 636); . $D/env.sh"
}
do_stop() { stop_pid "$D/samba.pid"; return 0; }
do_status() { local p; if p=$(pid_of "$D/samba.pid"); then echo "samba running pid $p"; else echo "samba not running"; exit 3; fi; }
do_pack() { # the server must be stopped, so that the databases are at rest
  pid_of "$D/samba.pid" >/dev/null && { echo "stop it first" >&2; exit 1; }
  tar --xattrs --xattrs-include='*' -C "$D" --exclude=./log --exclude=./lock/msg.sock --exclude=./run --exclude=./ncalrpc --exclude=./runsamba --exclude='./*.pid' --exclude=./.ok --exclude=./samba.out -czf "$1" . 2> >(grep -v "socket ignored" >&2) && ls -l "$1"
}
do_reset() { do_stop; rm -rf "$D"; }
do_check() { exec "$(dirname "$0")/samba-ad-check.sh"; }
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "samba-ad: root is needed for ports below 1024, and there is no sudo" >&2; exit 1; }
  exec sudo -n --preserve-env=PEER_STATE,SAMBA_AD_IP,SAMBA_AD_TAR,SAMBA_AD_NTLM,SAMBA_AD_LOG "$0" "$@"
fi
dispatch "$@"
