"""A customer's own certificate: each way in which it cannot serve has its own sentence and next step."""

import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from discode.adapters.own_certificate import read_own
from discode.core.errors import UsageError
from rig.certificates import key_pem, make_certificate, make_key

HOSTS = ["app.example.com", "www.example.com"]
AIA = "http://ca.example.com/intermediate.der"


@pytest.fixture(scope="module")
def authority():
    """A root, and one below it that signs: PEM of each, and the second with its key."""
    root_pem, _, root = make_certificate("root")
    between_pem, _, between = _authority(root)
    return root_pem, between_pem, between


def _authority(root):
    key = make_key()
    made = _builder(key, "intermediate", root[0].subject).add_extension(x509.BasicConstraints(True, None), True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root[1].public_key()), False)
    certificate = made.sign(root[1], hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.PEM), key_pem(key), (certificate, key)


def _builder(key, name, issuer):
    now, day = datetime.now(UTC), timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return made.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + 30 * day)


def issued(between, *names, key=None, extensions=(), hashed=None):
    """PEM of a certificate below the one between, and of its key."""
    key = key or make_key()
    made = _builder(key, "leaf", between[0].subject)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(between[1].public_key()), False)
    for extension in extensions:
        made = made.add_extension(extension, False)
    signed = made.sign(between[1], hashed or hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM), key_pem(key)


def says_where():
    place = x509.UniformResourceIdentifier(AIA)
    method = x509.oid.AuthorityInformationAccessOID.CA_ISSUERS
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, place)])


@pytest.fixture
def read(tmp_path, authority):
    def read(certificate, key, hosts=HOSTS, now=None, trust=authority[0]):
        for name, data in (("app.crt", certificate), ("app.key", key)):
            (tmp_path / name).write_bytes(data)
        context = ssl.create_default_context(cadata=trust.decode())
        files = str(tmp_path / "app.crt"), str(tmp_path / "app.key")
        return read_own(*files, hosts, now or time.time(), context)

    return read


def refusal(read, tmp_path, *given, **options):
    with pytest.raises(UsageError) as raised:
        read(*given, **options)
    error = raised.value
    sentence, advice = (text.replace(f"{tmp_path}/", "") for text in (error.sentence, error.next_step))
    assert sentence.endswith("Nothing was changed.") and advice
    return error.name, sentence.removesuffix(" Nothing was changed."), advice


def test_a_chain_that_is_trusted_is_taken_without_a_word(read, authority):
    certificate, key = issued(authority[2], *HOSTS, extensions=[says_where()])
    own, notes = read(certificate + authority[1], key)
    assert notes == [] and own.chain == certificate + authority[1] and own.key == key


@pytest.mark.parametrize("names", [["*.example.com"], ["WWW.example.com", "app.example.com", "other.test"]])
def test_what_covers_every_host_is_taken(read, authority, names):
    certificate, key = issued(authority[2], *names)
    assert read(certificate + authority[1], key)[1] == []


def test_files_in_any_order_and_one_file_for_both_are_taken(read, authority):
    certificate, key = issued(authority[2], *HOSTS)
    text = b"Bag Attributes\r\n" + authority[0] + authority[1] + key + certificate
    own, notes = read(text, text)
    assert notes == [] and own.chain == certificate + authority[1] + authority[0] and own.key == key


def test_a_key_as_openssl_makes_them_is_taken(read, authority):
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    certificate, _ = issued(authority[2], *HOSTS, key=key)
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert read(certificate + authority[1], parameters + key.private_bytes(*form))[0].key == key_pem(key)


def test_one_of_a_ca_that_this_machine_does_not_know_is_taken_with_a_word(read, authority):
    stranger, _, _ = make_certificate("stranger")
    certificate, key = issued(authority[2], *HOSTS)
    _, [note] = read(certificate + authority[1] + authority[0], key, trust=stranger)
    end = "Clients that do not trust it will warn."
    assert note == f"This machine does not trust the root that signed the certificate. {end}"
    _, [note] = read(certificate, key)
    assert note == f"This machine does not trust intermediate, which signed the certificate. {end}"
    alone, key, _ = make_certificate(*HOSTS)
    assert len(read(alone, key)[1]) == 1


def test_one_without_its_chain_is_refused(read, authority, tmp_path):
    certificate, key = issued(authority[2], *HOSTS, extensions=[says_where()])
    assert refusal(read, tmp_path, certificate, key) == (
        "certificate-chain",
        "app.crt lacks the certificate of intermediate, who signed it: many clients would refuse it.",
        "Give the file with the whole chain, which is often called fullchain.pem or bundle; or append the one that is "
        f"missing, which is at {AIA}",
    )


def test_one_out_of_its_time_is_refused_with_the_machines_clock(read, authority, tmp_path):
    certificate, key = issued(authority[2], *HOSTS)
    now = time.time()
    name, sentence, advice = refusal(read, tmp_path, certificate, key, now=now + 365 * 86400)
    assert name == "certificate-expired" and sentence.startswith("The certificate in app.crt expired on ")
    assert time.strftime("this machine's clock says %Y-%m-%d", time.gmtime(now + 365 * 86400)) in sentence
    assert advice == "If the clock is right, ask your CA for a new one. Else set the clock first."
    name, sentence, _ = refusal(read, tmp_path, certificate, key, now=now - 365 * 86400)
    assert name == "certificate-not-yet-valid" and " is not valid before " in sentence


def test_one_whose_issuers_time_is_over_is_refused(read, authority, tmp_path):
    old = make_certificate("old", days=(-9, -2))
    certificate, key = issued(old[2], *HOSTS)
    name, sentence, _ = refusal(read, tmp_path, certificate + old[0], key)
    assert name == "certificate-expired" and "of test " in sentence


def test_one_that_lacks_a_host_names_it(read, authority, tmp_path):
    certificate, key = issued(authority[2], "app.example.com", "*.www.example.com")
    name, sentence, advice = refusal(read, tmp_path, certificate + authority[1], key)
    assert (name, sentence) == (
        "certificate-hosts",
        "The certificate in app.crt is for app.example.com, *.www.example.com, not for www.example.com.",
    )
    assert "leave those hosts out" in advice
    wild, key = issued(authority[2], "*.example.com")
    assert refusal(read, tmp_path, wild, key, hosts=["a.b.example.com"])[0] == "certificate-hosts"
    bare, key, _ = make_certificate()
    assert "no host name (its common name does not count)" in refusal(read, tmp_path, bare, key)[1]


def test_another_key_is_refused(read, authority, tmp_path):
    certificate, _ = issued(authority[2], *HOSTS)
    name, sentence, _ = refusal(read, tmp_path, certificate + authority[1], key_pem(make_key()))
    assert (name, sentence) == (
        "certificate-other-key", "The key in app.key belongs to another certificate than the one in app.crt.",
    )  # fmt: skip


def test_weak_ones_are_refused(read, authority, tmp_path):
    certificate, key = issued(authority[2], *HOSTS, key=make_key(1024))
    name, sentence, _ = refusal(read, tmp_path, certificate, key)
    assert (name, sentence) == (
        "certificate-weak", "The certificate in app.crt has an RSA key of 1024 bits, and clients want 2048.",
    )  # fmt: skip
    curve = ec.generate_private_key(ec.SECP192R1())
    assert "curve of 192 bits" in refusal(read, tmp_path, *issued(authority[2], *HOSTS, key=curve))[1]


def test_one_that_is_not_for_servers_is_refused(read, authority, tmp_path):
    uses = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
    name, sentence, _ = refusal(read, tmp_path, *issued(authority[2], *HOSTS, extensions=[uses]))
    assert name == "certificate-purpose" and "not for web servers" in sentence


def wrapped(authority):
    """What a customer may give instead: name, certificate file, key file, key of the error, part of the sentence."""
    private = make_key()
    certificate, key = issued(authority[2], *HOSTS, key=private)
    made = x509.load_pem_x509_certificate(certificate)
    der = serialization.Encoding.DER
    key_der = private.private_bytes(der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    hidden = serialization.BestAvailableEncryption(b"secret")
    hidden_der = private.private_bytes(der, serialization.PrivateFormat.PKCS8, hidden)
    old = serialization.PrivateFormat.TraditionalOpenSSL
    hidden_old = private.private_bytes(serialization.Encoding.PEM, old, hidden)
    pfx = pkcs12.serialize_key_and_certificates(b"app", private, made, None, hidden)
    p7 = pkcs7.serialize_certificates([made], serialization.Encoding.PEM)
    csr = x509.CertificateSigningRequestBuilder().subject_name(made.subject).sign(private, hashes.SHA256())
    request = csr.public_bytes(serialization.Encoding.PEM)
    broken = certificate.replace(b"\nMI", b"\nAAAA", 1)
    return [
        ("swapped", key, certificate, "swapped", "The files are swapped: app.crt holds a private key, and app.key a"),
        ("empty", b"", key, "empty", "app.crt is empty."),
        ("blank", b" \r\n", key, "empty", "app.crt is empty."),
        ("empty key", certificate, b"", "empty", "app.key is empty."),
        ("DER", made.public_bytes(der), key, "der", "app.crt is in DER format; it has to be PEM."),
        ("DER key", certificate, key_der, "der", "app.key is in DER format; it has to be PEM."),
        ("PKCS#12", pfx, pfx, "pkcs12", "app.crt is in PKCS#12 format (.pfx, .p12); it has to be PEM."),
        ("PKCS#12 for the key", certificate, pfx, "pkcs12", "app.key is in PKCS#12 format"),
        ("PKCS#7", p7, key, "pkcs7", "app.crt is in PKCS#7 format; it has to be PEM."),
        ("request", request, key, "missing", "app.crt is the request for a certificate, not the certificate."),
        ("two keys", key, key, "missing", "app.crt holds a private key, but no certificate."),
        ("two certificates", certificate, certificate, "no-key", "app.key holds a certificate, but no private key."),
        ("text", b"hello", key, "missing", "app.crt holds no certificate."),
        ("text key", certificate, b"\x00\xff" * 99, "no-key", "app.key holds no private key."),
        ("damaged", broken, key, "damaged", "app.crt is damaged: a certificate in it cannot be read."),
        ("cut off", certificate[:200], key, "missing", "app.crt holds no certificate."),
        ("damaged key", certificate, key.replace(b"\nM", b"\nA", 1), "damaged", "app.key is damaged: the private"),
        ("encrypted", certificate, key_pem(private, b"x"), "encrypted-key", "The private key in app.key is protected"),
        ("encrypted, old", certificate, hidden_old, "encrypted-key", "The private key in app.key is protected"),
        ("encrypted, DER", certificate, hidden_der, "encrypted-key", "The private key in app.key is protected"),
    ]  # fmt: skip


def test_what_is_no_pair_in_pem_is_called_by_what_it_is(read, authority, tmp_path):
    for what, certificate, key, name, sentence in wrapped(authority):
        told = refusal(read, tmp_path, certificate, key)
        assert told[0] == f"certificate-{name}", what
        assert told[1].startswith(sentence), what


def test_the_commands_that_convert_work(read, authority, tmp_path):
    """The next step of a refusal is tried."""
    import subprocess

    certificate, key = issued(authority[2], *HOSTS)
    made = x509.load_pem_x509_certificate(certificate)
    _, _, advice = refusal(read, tmp_path, made.public_bytes(serialization.Encoding.DER), key)
    subprocess.run(advice.removeprefix("Convert it: ").split(), cwd=tmp_path, check=True)
    assert read((tmp_path / "certificate.pem").read_bytes() + authority[1], key)[1] == []


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_a_file_that_cannot_be_read_is_called_by_its_name(tmp_path, what):
    name = tmp_path / what
    if what == "folder":
        name.mkdir()
    with pytest.raises(UsageError) as raised:
        read_own(str(name), str(name), HOSTS, 0.0, ssl.create_default_context())
    why = {"missing": "cannot be read: No such file or directory", "folder": "is a folder"}[what]
    assert raised.value.sentence == f"{name} {why}. Nothing was changed."
    assert raised.value.name == "certificate-unreadable"
