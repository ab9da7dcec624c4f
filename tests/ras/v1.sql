-- SPDX-License-Identifier: BSD-2-Clause
-- A ledger as version 1 of the schema left it: not to be changed with the code.
CREATE TABLE vms (id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE boots (id INTEGER PRIMARY KEY, vm INTEGER NOT NULL REFERENCES vms ON DELETE CASCADE,
 uuid TEXT NOT NULL, host_boot TEXT, UNIQUE (vm, uuid));
CREATE TABLE journals (id TEXT PRIMARY KEY, absorbed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pages (id INTEGER PRIMARY KEY, boot INTEGER NOT NULL REFERENCES boots ON DELETE CASCADE,
 kind TEXT NOT NULL CHECK (kind IN ('gpa', 'gva', 'unknown')), address TEXT NOT NULL, inferred INTEGER NOT NULL,
 source TEXT NOT NULL, count INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
 UNIQUE (boot, kind, address));
CREATE TABLE sightings (journal TEXT NOT NULL, slot INTEGER NOT NULL,
 page INTEGER NOT NULL REFERENCES pages ON DELETE CASCADE, sighting TEXT NOT NULL, source TEXT NOT NULL,
 valid INTEGER NOT NULL, vcpu INTEGER, esr TEXT, gpa TEXT, gva TEXT, hva TEXT, pc TEXT,
 realtime_ns INTEGER NOT NULL, monotonic_ns INTEGER NOT NULL, distinct_pages INTEGER NOT NULL,
 threshold INTEGER NOT NULL, action TEXT, PRIMARY KEY (journal, slot)) WITHOUT ROWID;
CREATE INDEX sightings_page ON sightings (page);
INSERT INTO vms VALUES (1, '01234567-89ab-cdef-0123-456789abcdef', 'old');
INSERT INTO boots VALUES (1, 1, '11111111-1111-1111-1111-111111111111', NULL);
INSERT INTO journals VALUES ('00000000000000aa', 2);
INSERT INTO pages VALUES (1, 1, 'gpa', '0x0000000040001000', 0, 'sea-data', 7, 1000000000, 2000000000);
INSERT INTO pages VALUES (2, 1, 'gpa', '0x0000000040002000', 0, 'sigbus-ar', 1, 3000000000, 3000000000);
INSERT INTO sightings VALUES ('00000000000000aa', 0, 1, 'new', 'sea-data', 1, 0, NULL, '0x0000000040001000', NULL, NULL,
 NULL, 1000000000, 5, 1, 0, NULL);
INSERT INTO sightings VALUES ('00000000000000aa', 1, 2, 'new', 'sigbus-ar', 1, 1, NULL, '0x0000000040002000', NULL, NULL,
 NULL, 3000000000, 6, 2, 2, 'restart');
PRAGMA user_version = 1;
