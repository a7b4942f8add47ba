"""DNS-01 for the edge: a TXT record at the user's DNS provider proves a name to the CA (RFC 8555, 8.4).

records      the records that are out there now: published, seen by everybody, removed, also after a crash
child        a process for each question to DNS or to a provider: a provider may hang, and the controller must not
work         what that process does                 lookup     which zone, which servers, do they have it (dnspython)
provider     add and remove (dns-lexicon)           credentials  the user's file

The controller imports `records` and `child` alone. The two libraries, and the credentials, are in the child's memory
for the second that it lives.
"""
