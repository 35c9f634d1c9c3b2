#!/bin/bash
# Installs the Debian packages that the interop tests run against. Quick when all are there; names the package when one cannot
# be had: a missing peer is a failure, never a skip.
set -u
packages=(
  freerdp2-shadow-x11 freerdp2-x11 winpr-utils xvfb openssl # CredSSP in both roles: FreeRDP
  python3-impacket python3-openssl                          # CredSSP version 2 as a client: impacket
  python3-gssapi gss-ntlmssp krb5-user                      # SPNEGO and NTLM in C: MIT krb5, GSS-NTLMSSP
  krb5-kdc krb5-admin-server krb5-pkinit                    # a KDC with two realms, PKINIT, password changes: MIT krb5
  samba samba-ad-provision smbclient ldap-utils             # an Active Directory domain: Samba
  python3-samba samba-dsdb-modules samba-vfs-modules libsasl2-modules-gssapi-mit
  winbind                                                   # NTLMSSP and SPNEGO of Samba: ntlm_auth
  tshark                                                    # captures, for `sspi decode`
  chromium                                                  # a browser, for `sspi/rdp/external`
)
is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
missing() { local p; for p in "${packages[@]}"; do is_installed "$p" || echo "$p"; done; }

command -v dpkg-query >/dev/null || { echo "peers: this is not Debian; install by hand what provides: ${packages[*]}" >&2; exit 1; }
mapfile -t wanted < <(missing)
[ ${#wanted[@]} -eq 0 ] && exit 0

root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "peers: not root; as root run: apt-get install ${wanted[*]}" >&2; exit 1; }
  root=(sudo -n)
fi
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }

echo "peers: installing ${wanted[*]}"
apt update || echo "peers: apt-get update failed; trying with the package lists that are there" >&2
apt install -y --no-install-recommends "${wanted[@]}" >/dev/null

mapfile -t wanted < <(missing)
for package in "${wanted[@]}"; do echo "peers: cannot install the Debian package $package" >&2; done
[ ${#wanted[@]} -eq 0 ]
