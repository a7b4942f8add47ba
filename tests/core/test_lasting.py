from discode.core.lasting import lasting

SECRETS = {
    "DISCODE_LICENSE": "dlk_1", "DISCODE_HUB_TOKEN": "dht_1", "DISCODE_HUB_DATABASE": "postgresql://u:p@h/d",
    "RESTIC_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "k", "GITHUB_TOKEN": "t", "SMTP_URL": "smtp://u:p@h",
}  # fmt: skip
PLACE = {
    "PATH": "/bin", "HOME": "/root", "TZ": "UTC", "LANG": "C", "LC_ALL": "C", "DISCODE_HOME": "/h", "PYTHONPATH": "/p",
    "KAMAL_PROXY_DEBUG": "1", "DISCODE_EDGE_STATE": "/s",
}  # fmt: skip
NETWORK = {"https_proxy": "http://proxy:3128", "NO_PROXY": "localhost", "SSL_CERT_FILE": "/ca.pem"}


def test_it_has_what_tells_where_it_is_and_no_secret():
    assert lasting({**SECRETS, **PLACE, **NETWORK}) == {**PLACE, **NETWORK}


def test_what_asks_nobody_gets_no_proxys_address():
    assert lasting({**SECRETS, **PLACE, **NETWORK}, has_network=False) == PLACE
