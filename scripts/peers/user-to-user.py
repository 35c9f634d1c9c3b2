#!/usr/bin/python3
"""User-to-user authentication with MIT's C library, both roles: what the uuclient and uuserver of its sources do, of which no package
has a command. GSS-API there does not know it, so the AP-REQ and the AP-REP are handed over bare, in hexadecimal lines.

    user-to-user.py accept     with the ticket-granting ticket in KRB5CCNAME. First line out: that ticket (DER).
                               A line in: AP-REQ. Line out: the AP-REP and the name of the client.
    user-to-user.py initiate   as the owner of KRB5CCNAME. A line in: the service's name and its ticket-granting ticket.
                               Line out: AP-REQ. A line in: AP-REP. Line out: "ok".
What goes wrong ends it, with the message of the library on stderr.
"""
import ctypes, sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_uint, c_void_p


class Data(ctypes.Structure):
    _fields_ = [('magic', c_int32), ('length', c_uint), ('data', c_void_p)]

    @staticmethod
    def of(octets):
        kept = ctypes.create_string_buffer(octets, len(octets))
        data = Data(0, len(octets), ctypes.cast(kept, c_void_p))
        data.kept = kept
        return data

    def octets(self): return ctypes.string_at(self.data, self.length)


class Keyblock(ctypes.Structure):
    _fields_ = [('magic', c_int32), ('enctype', c_int32), ('length', c_uint), ('contents', c_void_p)]


class Times(ctypes.Structure):
    _fields_ = [('authtime', c_int32), ('starttime', c_int32), ('endtime', c_int32), ('renew_till', c_int32)]


class Creds(ctypes.Structure):
    _fields_ = [('magic', c_int32), ('client', c_void_p), ('server', c_void_p), ('keyblock', Keyblock), ('times', Times),
                ('is_skey', c_uint), ('ticket_flags', c_int32), ('addresses', c_void_p), ('ticket', Data),
                ('second_ticket', Data), ('authdata', c_void_p)]


class Authenticator(ctypes.Structure):
    _fields_ = [('magic', c_int32), ('client', c_void_p)]  # and more


krb5 = ctypes.CDLL('libkrb5.so.3')
krb5.krb5_get_error_message.restype = c_char_p
context, ccache, auth = c_void_p(), c_void_p(), c_void_p()

MUTUAL_REQUIRED, USE_SESSION_KEY = 0x20000000, 0x40000000
GC_USER_USER = 1
GSS_CHECKSUM = 0x8003
# RFC 4121 4.1.1: no channel bindings; mutual, confidentiality, integrity
CHECKSUM = (16).to_bytes(4, 'little') + bytes(16) + (0x32).to_bytes(4, 'little')


def must(code):
    if code != 0: sys.exit(krb5.krb5_get_error_message(context, code).decode())


def principal(text):
    found = c_void_p()
    must(krb5.krb5_parse_name(context, text.encode(), byref(found)))
    return found


def own_creds(flags, server, second_ticket=None):
    asked, found = Creds(), POINTER(Creds)()
    client = c_void_p()
    must(krb5.krb5_cc_get_principal(context, ccache, byref(client)))
    asked.client, asked.server = client, server
    if second_ticket is not None: asked.second_ticket = second_ticket
    must(krb5.krb5_get_credentials(context, flags, ccache, byref(asked), byref(found)))
    return found


def accept():
    owner = c_void_p()
    must(krb5.krb5_cc_get_principal(context, ccache, byref(owner)))
    name = c_char_p()
    must(krb5.krb5_unparse_name(context, owner, byref(name)))
    realm = name.value.decode().split('@')[1]
    granting = own_creds(0, principal(f'krbtgt/{realm}@{realm}'))
    print(granting.contents.ticket.octets().hex(), flush=True)
    request = Data.of(bytes.fromhex(sys.stdin.readline()))
    must(krb5.krb5_auth_con_init(context, byref(auth)))
    must(krb5.krb5_auth_con_setuseruserkey(context, auth, byref(granting.contents.keyblock)))
    options, ticket = c_int32(), c_void_p()
    must(krb5.krb5_rd_req(context, byref(auth), byref(request), None, None, byref(options), byref(ticket)))
    if options.value & USE_SESSION_KEY == 0: sys.exit('no user-to-user')
    authenticator = POINTER(Authenticator)()
    must(krb5.krb5_auth_con_getauthenticator(context, auth, byref(authenticator)))
    must(krb5.krb5_unparse_name(context, authenticator.contents.client, byref(name)))
    reply = Data()
    must(krb5.krb5_mk_rep(context, auth, byref(reply)))
    print(reply.octets().hex(), name.value.decode(), flush=True)


def initiate():
    server, second_ticket = sys.stdin.readline().split()
    creds = own_creds(GC_USER_USER, principal(server), Data.of(bytes.fromhex(second_ticket)))
    must(krb5.krb5_auth_con_init(context, byref(auth)))
    must(krb5.krb5_auth_con_set_req_cksumtype(context, auth, GSS_CHECKSUM))
    request, checksum = Data(), Data.of(CHECKSUM)
    must(krb5.krb5_mk_req_extended(context, byref(auth), MUTUAL_REQUIRED | USE_SESSION_KEY, byref(checksum), creds,
                                   byref(request)))
    print(request.octets().hex(), flush=True)
    reply, part = Data.of(bytes.fromhex(sys.stdin.readline())), c_void_p()
    must(krb5.krb5_rd_rep(context, auth, byref(reply), byref(part)))
    print('ok', flush=True)


must(krb5.krb5_init_context(byref(context)))
must(krb5.krb5_cc_default(context, byref(ccache)))
{'accept': accept, 'initiate': initiate}[sys.argv[1]]()
