"""Checksums of the serial protocols. Bytes in, a number out."""

from __future__ import annotations


def crc16(data: bytes | bytearray, crc: int = 0) -> int:
    """CRC-16 of DYNAMIXEL protocol 2.0: polynomial 0x8005, start 0, nothing reflected, nothing added at the end."""
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ _FORWARD[crc >> 8 ^ byte]
    return crc


def crc16_modbus(data: bytes | bytearray, crc: int = 0xFFFF) -> int:
    """CRC-16 of Modbus RTU: polynomial 0x8005 reflected (0xA001), start 0xFFFF."""
    for byte in data:
        crc = crc >> 8 ^ _REFLECTED[(crc ^ byte) & 0xFF]
    return crc


def inverted_sum(data: bytes | bytearray) -> int:
    """The checksum of the Feetech STS and SMS series: the inverted low byte of the sum."""
    return ~sum(data) & 0xFF


def xor(data: bytes | bytearray) -> int:
    """The checksum of numbered G-code lines: all bytes, exclusive or."""
    result = 0
    for byte in data:
        result ^= byte
    return result


def _forward(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x8005 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def _reflected(byte: int) -> int:
    crc = byte
    for _ in range(8):
        crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


_FORWARD = tuple(_forward(byte) for byte in range(256))
_REFLECTED = tuple(_reflected(byte) for byte in range(256))
