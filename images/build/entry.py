"""The first file of a self-contained build. It takes what a Python takes, as far as Discode starts itself by it."""

import runpy
import sys


def main() -> None:
    words = sys.argv[1:]
    if words[:1] == ["-P"]:
        words = words[1:]
    if words[:1] == ["-m"] and len(words) > 1 and words[1].split(".")[0] == "discode":
        sys.argv = [words[1], *words[2:]]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        return
    from discode.cli.main import main as discode

    discode()


main()
