"""Brings the database to what this version needs: each file of `migrations`, once, in the order of their names."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg2


def main() -> None:
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY)")
        cursor.execute("SELECT name FROM migrations")
        done = {name for (name,) in cursor.fetchall()}
        for path in sorted((Path(__file__).parent / "migrations").glob("*.sql")):
            if path.stem not in done:
                cursor.execute(path.read_text())
                cursor.execute("INSERT INTO migrations VALUES (%s)", (path.stem,))
                print(f"migrated: {path.stem}", flush=True)


if __name__ == "__main__":
    main()
