"""Let's Encrypt, the CA of automatic certificates unless a machine names another: where it is, and how it is known."""

# https://letsencrypt.org/docs/acme-protocol-updates/ and /docs/staging-environment/
PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
IDENTIFIER = "letsencrypt.org"  # in CAA records: https://letsencrypt.org/docs/caa/
TERMS = "https://letsencrypt.org/repository/"
