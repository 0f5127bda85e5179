"""The serial line of an emulated controller: time on the wire, faults on it, a pseudoterminal. It knows no protocol."""
