"""The sample app's worker: it notes in the volume, five times a second, that it lives and as which version."""

import os
import signal
import sys
import time
from pathlib import Path

VERSION = (Path(__file__).parent / "VERSION").read_text().strip()
BEATS = Path(os.environ.get("STORAGE", "storage")) / "beats"


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"worker {VERSION} begins", flush=True)
    while True:
        with BEATS.open("a") as file:
            file.write(f"{time.time():.3f} {VERSION}\n")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
