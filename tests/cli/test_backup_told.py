"""What `discode status` says of backups."""

from discode.cli.backup_told import text_of

TOLD = {
    "repository": "/backup", "local": False, "at": None, "last": None, "missing": [], "failed": None,
    "drill_failed": None, "proved": None,
}  # fmt: skip


def test_a_sentence_of_an_error_is_a_part_of_the_line():
    failed = {"at": 0, "error": "There is no repository at /backup. Your app was not touched."}
    told = text_of({**TOLD, "failed": failed, "drill_failed": failed}, "shop", 0)
    assert ".;" not in told and told.count("Your app was not touched") == 2
