"""Sealing: what only the holder of one certificate's private key can open.

In: bytes and the recipient's X.509 certificate (PEM). Out: CMS EnvelopedData (RFC 5652) in DER, the content encrypted
with AES-256 under a key of its own, that key encrypted for the certificate's RSA key.
"""

from datetime import UTC, datetime
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from scripts.errors import StudyError

# NIST SP 800-57: shorter RSA keys protect nothing that must stay secret.
MIN_RSA_BITS = 2048
PRIVATE_KEY, CERTIFICATE = b"PRIVATE KEY-----", b"-----BEGIN CERTIFICATE-----"


def sealed(content: bytes, certificate_pem: bytes) -> bytes:
    """The content for the holder of the certificate; different bytes each time, because the key is drawn anew.

    Raises
    ------
    StudyError : CERTIFICATE, as `recipient`.
    """
    builder = PKCS7EnvelopeBuilder().set_data(content).add_recipient(recipient(certificate_pem))
    return builder.set_content_encryption_algorithm(AES256).encrypt(Encoding.DER, [PKCS7Options.Binary])


def fingerprint(certificate_pem: bytes) -> str:
    """SHA-256 of the recipient's certificate, in hex: what two people compare over the telephone.

    Raises
    ------
    StudyError : CERTIFICATE, as `recipient`.
    """
    return recipient(certificate_pem).fingerprint(hashes.SHA256()).hex()


def recipient(certificate_pem: bytes) -> x509.Certificate:
    """The recipient's certificate, fit to seal for.

    Raises
    ------
    StudyError : CERTIFICATE, if it is none, several, a private key, out of date, or not of a long enough RSA key.
    """
    if PRIVATE_KEY in certificate_pem:
        _refuse(
            "the file holds a private key",
            "Remove it from this computer at once; the recipient keeps it and gives the certificate alone",
        )
    n_certificates = certificate_pem.count(CERTIFICATE)
    if n_certificates != 1:
        problem = f"the file holds {n_certificates} certificates in PEM form"
        _refuse(problem, "Give the recipient's own certificate and no other")
    certificate, key = _parsed(certificate_pem)
    if certificate is None:
        _refuse("the certificate cannot be read", "Ask the recipient for it again")
    if not isinstance(key, RSAPublicKey):
        _refuse("the certificate's key is not an RSA key", "Ask for a certificate with an RSA key")
    if key.key_size < MIN_RSA_BITS:
        problem = f"the certificate's RSA key has {key.key_size} bits"
        _refuse(problem, f"Ask for a certificate with a key of {MIN_RSA_BITS} bits or more")
    now = datetime.now(UTC)
    if now < certificate.not_valid_before_utc:
        _refuse("the certificate is not valid yet", "Check this computer's clock, or ask for one that is valid today")
    if now > certificate.not_valid_after_utc:
        _refuse("the certificate has expired", "Ask the recipient for one that is valid today")
    return certificate


def _parsed(certificate_pem: bytes) -> tuple[x509.Certificate | None, object]:
    """The certificate and its public key; None for what cannot be read."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
    except ValueError:
        return None, None
    try:
        return certificate, certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return certificate, None


def _refuse(problem: str, remedy: str) -> NoReturn:
    raise StudyError("CERTIFICATE", "recipient", problem, remedy)
