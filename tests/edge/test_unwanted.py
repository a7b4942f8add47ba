"""Certificates of names that no service has any more."""

from discode.edge.tls.folder import CertificateFolder, write
from discode.edge.tls.unwanted import KEPT, Unwanted

CAS = ("https://ca.test/directory", "https://other.test/directory")


def test_files_go_when_a_name_has_not_been_wanted_for_a_day(tmp_path):
    folder = CertificateFolder(tmp_path)
    for ca in CAS:
        for host in ("a.test", "*.b.test", "c.test"):
            write(folder.issued(ca, host), b"a key")
    unwanted = Unwanted(folder)
    assert unwanted.look({"a.test"}, 0.0) == []
    assert unwanted.look({"a.test"}, KEPT - 1) == []
    assert unwanted.look({"a.test", "c.test"}, KEPT - 0.5) == [], "it was taken back"
    assert unwanted.look({"a.test"}, KEPT) == ["*.b.test"]
    assert folder.issued_hosts() == ["a.test", "c.test"]
    assert not any(folder.issued(ca, "*.b.test").exists() for ca in CAS)
    assert unwanted.look({"a.test"}, 2 * KEPT - 1) == [] and unwanted.look({"a.test"}, 2 * KEPT) == ["c.test"]
