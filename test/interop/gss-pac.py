#!/usr/bin/python3
"""A Kerberos context of MIT's library with itself, both roles, with the tickets and keytab of the environment; says as JSON who
the client is, what became of the PAC in the ticket (authenticated: its server signature verifies), and what was delegated.

  gss-pac.py SERVICE/HOST@REALM
"""
import json
import sys

import gssapi
from gssapi.raw import get_name_attribute, inquire_name

krb5 = gssapi.OID.from_int_seq('1.2.840.113554.1.2.2')
flags = [gssapi.RequirementFlag.mutual_authentication, gssapi.RequirementFlag.delegate_to_peer]
target = gssapi.Name(sys.argv[1], gssapi.NameType.kerberos_principal)
client = gssapi.SecurityContext(name=target, mech=krb5, usage='initiate', flags=flags)
server = gssapi.SecurityContext(usage='accept')
client.step(server.step(client.step()))
name = server.initiator_name
print(json.dumps({
    'name': str(name),
    'authenticated': {a.decode(): bool(get_name_attribute(name, a).authenticated) for a in inquire_name(name).attrs},
    'delegated': str(server.delegated_creds.name) if server.delegated_creds else None,
}))
