#!/usr/bin/python3
"""Sets somebody's password with MIT's C library: krb5_set_password_using_ccache, which no command of its own calls.

    set-password.py PRINCIPAL PASSWORD

With the tickets of KRB5CCNAME. Prints the result code and what it is called.
"""
import ctypes, sys


class Data(ctypes.Structure):
    _fields_ = [('magic', ctypes.c_int32), ('length', ctypes.c_uint), ('data', ctypes.c_void_p)]


krb5 = ctypes.CDLL('libkrb5.so.3')
krb5.krb5_get_error_message.restype = ctypes.c_char_p
context, ccache, principal = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()


def must(code):
    if code != 0: sys.exit(krb5.krb5_get_error_message(context, code).decode())


must(krb5.krb5_init_context(ctypes.byref(context)))
must(krb5.krb5_cc_default(context, ctypes.byref(ccache)))
must(krb5.krb5_parse_name(context, sys.argv[1].encode(), ctypes.byref(principal)))
code, code_text, text = ctypes.c_int(), Data(), Data()
must(krb5.krb5_set_password_using_ccache(context, ccache, sys.argv[2].encode(), principal, ctypes.byref(code),
                                         ctypes.byref(code_text), ctypes.byref(text)))
print(code.value, ctypes.string_at(text.data, text.length).decode() if text.data else '')
