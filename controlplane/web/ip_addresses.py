"""Normalises IP addresses."""

import ipaddress


def ip_address(text: str) -> str:
    """An IP address in canonical form: without a zone, and mapped IPv4 addresses as IPv4; "" if invalid.

    >>> ip_address("::ffff:192.0.2.1"), ip_address("fe80::1%eth0"), ip_address("<b>")
    ('192.0.2.1', 'fe80::1', '')
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(address.ipv4_mapped or ipaddress.IPv6Address(int(address)))
    return str(address)
