#!/usr/bin/python3
"""MIT GSSAPI (SPNEGO, krb5) and gss-ntlmssp (NTLM) as an interop peer over TCP: C implementations driven from python3-gssapi.
packages: python3-gssapi gss-ntlmssp krb5-user

  gss-peer.py server --port P --mech spnego|ntlm|krb5 [--neg ntlm,krb5] [--users FILE] [--keytab F] [--cbt HEX]
  gss-peer.py client --port P --mech ... [--neg ...] --user DOMAIN\\U --password W --service TERMSRV@host [...]

--port 0 takes a free port; the first line on stdout tells which. The framing is the sample protocol of `sspi peer`: uint32
length + token in turn; then the server's JSON frame; then 'W' wrap (sealed), 'S' mic, 'M' wrap_iov (uint32 header length,
header, sealed data), 'I' wrap (integrity only), 'Q'. Every message is echoed as "echo:" + data.
"""
import argparse, json, os, socket, struct, sys, threading, traceback
import faulthandler; faulthandler.enable()
import gssapi
from gssapi.raw import IOV, IOVBuffer, IOVBufferType, ChannelBindings

M = {'ntlm': '1.3.6.1.4.1.311.2.2.10', 'krb5': '1.2.840.113554.1.2.2', 'spnego': '1.3.6.1.5.5.2'}
M = {k: gssapi.OID.from_int_seq(v) for k, v in M.items()}
FLAGS = {f.name: f for f in gssapi.RequirementFlag}


def rd(s, n):
    b = b''
    while len(b) < n:
        c = s.recv(n - len(b))
        if not c: raise EOFError('peer closed')
        b += c
    return b


def rframe(s): return rd(s, struct.unpack('>I', rd(s, 4))[0])
def wframe(s, b): s.sendall(struct.pack('>I', len(b)) + b)


def info(c):
    r = {'ok': True, 'mech': c.mech.dotted_form, 'flags': sorted(f.name for f in gssapi.RequirementFlag if f in c.actual_flags), 'actual': int(c.actual_flags)}
    # gss-ntlmssp 1.2.0 crashes when an acceptor asks for the target name
    for k in ('initiator_name', 'target_name') if c.mech != M['ntlm'] or c.locally_initiated else ('initiator_name',):
        try: r[k] = str(getattr(c, k)).rstrip('\0')
        except Exception: r[k] = None
    try: r['sessionKey'] = gssapi.raw.inquire_sec_context_by_oid(c, gssapi.OID.from_int_seq('1.2.840.113554.1.2.2.5.5'))[0].hex()
    except Exception as e: r['sessionKey'] = None
    if gssapi.RequirementFlag.delegate_to_peer in c.actual_flags and c.mech == M['krb5'] and not c.locally_initiated:
        try: r['delegated'] = str(c.delegated_creds.name)
        except Exception: pass
    return r


def cb(a): return ChannelBindings(application_data=bytes.fromhex(a.cbt)) if a.cbt else None


def server_ctx(a):
    mechs = [M[a.mech]]
    cred = None
    if a.mech == 'ntlm': cred = gssapi.Credentials(usage='accept', mechs=mechs)
    elif a.mech == 'spnego' and a.neg:  # neg mechs can only be set on a credential that has a SPNEGO element
        cred = gssapi.Credentials(usage='accept', mechs=mechs); gssapi.raw.set_neg_mechs(cred, [M[x] for x in a.neg.split(',')])
    return gssapi.SecurityContext(creds=cred, usage='accept', channel_bindings=cb(a))


def client_ctx(a):
    mech = M[a.mech]; neg = [M[x] for x in a.neg.split(',')] if a.neg else None
    cred = None
    if a.user and a.password is not None:
        name = gssapi.Name(a.user, gssapi.NameType.user)
        cred = gssapi.raw.acquire_cred_with_password(name, a.password.encode(), mechs=[mech], usage='initiate').creds
        cred = gssapi.Credentials(cred)
    elif a.mech == 'spnego' and neg:
        cred = gssapi.Credentials(usage='initiate', mechs=[mech])
    if neg and cred is not None: gssapi.raw.set_neg_mechs(cred, neg)
    fl = 0
    for f in a.flags.split(','): fl |= FLAGS[f]
    return gssapi.SecurityContext(name=gssapi.Name(a.service, gssapi.NameType.hostbased_service), creds=cred, mech=mech, flags=fl, usage='initiate', channel_bindings=cb(a))


def seal_iov(c, m):
    v = IOV(IOVBufferType.header, m, std_layout=False); c2 = gssapi.raw.wrap_iov(c, v, confidential=True)
    h, d = v[0].value, v[1].value
    return struct.pack('>I', len(h)) + h + d


def unseal_iov(c, f):
    n = struct.unpack('>I', f[:4])[0]
    v = IOV((IOVBufferType.header, False, f[4:4 + n]), f[4 + n:], std_layout=False)
    gssapi.raw.unwrap_iov(c, v); return v[1].value


def serve_one(a, s):
    try:
        c = server_ctx(a)
        while not c.complete:
            o = c.step(rframe(s))
            if o is not None and (o or not c.complete): wframe(s, o)
        r = info(c)
    except EOFError: print(json.dumps({'ok': False, 'error': 'EOF'}), flush=True); return
    except Exception as e:
        if a.verbose: traceback.print_exc()
        t = getattr(e, 'token', None)
        if t: 
            try: wframe(s, t)
            except OSError: pass
        r = {'ok': False, 'error': '%s: %s' % (type(e).__name__, str(e).replace('\n', ' '))}
    print(json.dumps(r), flush=True)
    try:
        wframe(s, json.dumps(r).encode())
        while r['ok']:
            f = rframe(s); k = f[:1]
            if k == b'Q': break
            try:
                if k in b'WI':
                    u = c.unwrap(f[1:])
                    if u.encrypted != (k == b'W'): raise ValueError('encrypted=%s' % u.encrypted)
                    wframe(s, k + c.wrap(b'echo:' + u.message, k == b'W').message)
                elif k == b'S':
                    n = struct.unpack('>I', f[1:5])[0]; m = f[5:5 + n]; c.verify_signature(m, f[5 + n:]); m = b'echo:' + m
                    wframe(s, b'S' + struct.pack('>I', len(m)) + m + c.get_signature(m))
                elif k == b'M': wframe(s, b'M' + seal_iov(c, b'echo:' + unseal_iov(c, f[1:])))
                else: wframe(s, b'Eunknown frame')
            except Exception as e: wframe(s, b'E' + ('%s: %s' % (type(e).__name__, str(e).replace('\n', ' '))).encode())
    except (EOFError, OSError): pass
    s.close()


def server(a):
    l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind((a.host, a.port)); l.listen(16)
    print(json.dumps({'listening': l.getsockname()[1], 'mech': a.mech}), flush=True)
    while True:
        s, _ = l.accept()
        if a.once: serve_one(a, s); return 0
        threading.Thread(target=serve_one, args=(a, s), daemon=True).start()


def client(a):
    r = {}; s = socket.create_connection((a.host, a.port), timeout=20)
    try:
        c = client_ctx(a); o = c.step(); toks = [o]
        while True:
            if o is not None: wframe(s, o)
            if c.complete: break
            t = rframe(s)
            if t[:1] == b'{': raise RuntimeError('server: ' + t.decode())
            toks.append(t); o = c.step(t)
            if o: toks.append(o)
            if c.complete and not o: break
        r.update(info(c)); r['tokens'] = [t.hex() for t in toks] if a.verbose else len(toks)
        v = json.loads(rframe(s)); r['server'] = v
        if not v['ok']: raise RuntimeError(v['error'])
        m = b'hello \xc3\xa9 ' + os.urandom(40); d = {}
        for k in a.ops.split(','):
            try:
                if k in 'WI':
                    wframe(s, k.encode() + c.wrap(m, k == 'W').message); f = rframe(s); d[k] = f[:1] == k.encode() and c.unwrap(f[1:]).message == b'echo:' + m or f.decode('latin1')
                elif k == 'S':
                    wframe(s, b'S' + struct.pack('>I', len(m)) + m + c.get_signature(m)); f = rframe(s)
                    n = struct.unpack('>I', f[1:5])[0]; c.verify_signature(f[5:5 + n], f[5 + n:]); d[k] = f[5:5 + n] == b'echo:' + m
                elif k == 'M':
                    wframe(s, b'M' + seal_iov(c, m)); f = rframe(s); d[k] = f[:1] == b'M' and unseal_iov(c, f[1:]) == b'echo:' + m or f.decode('latin1')
            except Exception as e: d[k] = '%s: %s' % (type(e).__name__, str(e).replace('\n', ' '))
        wframe(s, b'Q'); r['data'] = d; r['ok'] = all(x is True for x in d.values())
    except Exception as e:
        if a.verbose: traceback.print_exc()
        r.update(ok=False, error='%s: %s' % (type(e).__name__, str(e).replace('\n', ' ')))
    print(json.dumps(r)); return 0 if r['ok'] else 1


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('mode', choices=['server', 'client']); p.add_argument('--host', default='127.0.0.1'); p.add_argument('--port', type=int, required=True)
    p.add_argument('--mech', default='spnego', choices=list(M)); p.add_argument('--neg', default='', help='mechanisms SPNEGO may negotiate, in order')
    p.add_argument('--user'); p.add_argument('--password'); p.add_argument('--service', default='TERMSRV@host.example.test'); p.add_argument('--users'); p.add_argument('--keytab'); p.add_argument('--cbt')
    p.add_argument('--flags', default='mutual_authentication,replay_detection,out_of_sequence_detection,confidentiality,integrity'); p.add_argument('--ops', default='W,I,S,M')
    p.add_argument('--once', action='store_true'); p.add_argument('-v', '--verbose', action='store_true')
    a = p.parse_args()
    if a.users: os.environ['NTLM_USER_FILE'] = a.users
    if a.keytab: os.environ['KRB5_KTNAME'] = a.keytab
    return server(a) if a.mode == 'server' else client(a)


sys.exit(main())
