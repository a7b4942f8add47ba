CREATE INDEX notes_version ON notes (version);
